/*
 * Avro's values, written by hand where a schema is ours and hot. Each writes at `at`, and returns where the next begins. The caller makes the room: a text
 * takes at most {@link MAX_TEXT_BYTES} bytes a UTF-16 unit beside its length.
 */

/** Of an int, and so of an index, a count, or a text's length. */
export const MAX_INT_BYTES = 5;
/** Of a long that {@link writeLong} writes. */
export const MAX_LONG_BYTES = 8;
/** Of one UTF-16 unit of a text. */
export const MAX_TEXT_BYTES = 3;

/** Index of the only other branch of a union with null, as written. */
export const NULL = 0;
export const NOT_NULL = 2;

/** Up to here a loop over the characters beats the call into native code. Below 64, so that the length takes one byte. */
const SHORT_TEXT = 16;

/** Longs that avsc reads exactly: see `guardLimits.ts`. */
const MIN_LONG = -(2 ** 52) + 1;
const MAX_LONG = 2 ** 53 - 2;

/** @param value from −2^31 to 2^31 − 1 */
export function writeInt(target: Uint8Array, at: number, value: number): number {
  return writeVarint(target, at, (value << 1) ^ (value >> 31));
}

/** The 32 bits as they are, without a sign. */
function writeVarint(target: Uint8Array, at: number, bits: number): number {
  let left = bits;
  while ((left & ~0x7f) !== 0) {
    target[at++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  target[at++] = left;
  return at;
}

/** A whole number; one beyond what every reader takes becomes the nearest that it takes, and what is no number 0. */
export function writeLong(target: Uint8Array, at: number, value: number): number {
  if ((value | 0) === value) return writeInt(target, at, value);
  if (Number.isNaN(value)) return writeInt(target, at, 0);
  const whole = Math.trunc(Math.max(MIN_LONG, Math.min(MAX_LONG, value)));
  const zigzag = whole >= 0 ? whole * 2 : -whole * 2 - 1;
  const high = Math.floor(zigzag / 2 ** 28);
  if (high === 0) return writeVarint(target, at, zigzag);
  // Bit operations see the lowest 32 bits, of which four bytes of the varint take 28.
  target[at++] = (zigzag & 0x7f) | 0x80;
  target[at++] = ((zigzag >>> 7) & 0x7f) | 0x80;
  target[at++] = ((zigzag >>> 14) & 0x7f) | 0x80;
  target[at++] = ((zigzag >>> 21) & 0x7f) | 0x80;
  return writeVarint(target, at, high);
}

export function writeDouble(target: Buffer, at: number, value: number): number {
  return target.writeDoubleLE(value, at);
}

/** As UTF-8; half characters (lone surrogates) become U+FFFD, since no reader takes them. */
export function writeText(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length <= SHORT_TEXT) {
    let pos = at;
    target[pos++] = length << 1;
    for (let unit = 0; unit < length; unit++) {
      const code = text.charCodeAt(unit);
      if (code >= 0x80) return writeMeasured(target, at, text);
      target[pos++] = code;
    }
    return pos;
  }
  // Most texts are ASCII: then they take a byte a unit, and only then.
  const start = writeInt(target, at, length);
  const bytes = target.write(text, start);
  return bytes === length ? start + bytes : writeMeasured(target, at, text);
}

function writeMeasured(target: Buffer, at: number, text: string): number {
  const start = writeInt(target, at, Buffer.byteLength(text));
  return start + target.write(text, start);
}
