import { MOST_DIGITS, PackedHeaders, type CarriedHeaders } from '../packedHeaders.ts';
import { readDigits } from '../readDigits.ts';

/** No control characters, and nothing that was not UTF-8 (which decodes to U+FFFD). */
const clean = /^[^\u0000-\u001f\u007f\ufffd]+$/;

/** A header's bytes or text as they came, or null. Of several values, the first. */
export function readRaw(headers: CarriedHeaders, name: string): Buffer | string | null {
  if (headers instanceof PackedHeaders) return headers.raw(name);
  const value = headers?.[name];
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' || first instanceof Uint8Array ? first : null;
}

/** Whether a header is there at all. */
export function hasHeader(headers: CarriedHeaders, name: string): boolean {
  return headers instanceof PackedHeaders ? headers.has(name) : headers?.[name] !== undefined;
}

/** A header as text: 1 to `maxLength` bytes of UTF-8 without control characters; anything else is null. */
export function readText(headers: CarriedHeaders, name: string, maxLength: number): string | null {
  if (headers instanceof PackedHeaders) {
    const plain = headers.plainText(name, maxLength);
    if (plain !== null) return plain;
  }
  const raw = readRaw(headers, name);
  if (raw === null || raw.length === 0 || raw.length > maxLength) return null;
  const text = typeof raw === 'string' ? raw : raw.toString();
  return clean.test(text) ? text : null;
}

/** Whether these bytes are this text, byte for byte, and plain ASCII without control characters: then {@link readText} would give it, too. */
export function isPlain(raw: Buffer | string | null, text: string): boolean {
  if (raw === null || raw.length === 0 || raw.length !== text.length || typeof raw === 'string') return false;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] as number;
    if (byte < 0x20 || byte > 0x7e || byte !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** A header as a whole number from 0 to `max`, in plain decimal digits; anything else (`-1`, `1e9`, `NaN`, `٣`) is null. */
export function readInteger(headers: CarriedHeaders, name: string, max: number = Number.MAX_SAFE_INTEGER): number | null {
  const number = headers instanceof PackedHeaders ? headers.wholeNumber(name) : readPlainInteger(readRaw(headers, name));
  return number < 0 || number > max ? null : number;
}

function readPlainInteger(raw: Buffer | string | null): number {
  if (raw === null) return -1;
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : raw;
  return readDigits(bytes, 0, bytes.length, MOST_DIGITS);
}
