import { isUtf8 } from 'node:buffer';
import { compileFunction } from 'node:vm';
import { readCount, type Place } from './readPrimitive.ts';

/** A text with its length before it; undefined: it gives up, for anything but text in UTF-8, and for text with U+FFFD in it. */
export type ReadText = (bytes: Buffer, pos: number, end: number, place: Place) => string | undefined;

/** Undefined for what is not all ASCII. */
type ReadShortText = (bytes: Uint8Array, pos: number, length: number) => string | undefined;

/** A call into native code costs 65 ns, the letters of an orderly id 35 when they are put together here; from here on that is slower. */
const MAX_SHORT_BYTES = 32;

/** What Node's decoder puts for bytes that are no text, and avsc for a lone surrogate in a long one. */
export const REPLACEMENT = '\ufffd';

/** Up to here a loop over the bytes beats the call into native code. */
const MAX_LOOP_BYTES = 96;

let made: ReadText | undefined;

/** How compiled reads read text. One for all of them: it is large. */
export function textReader(): ReadText {
  return (made ??= makeReadText(compileShortText()));
}

function makeReadText(readShort: ReadShortText): ReadText {
  return (bytes, pos, end, place) => {
    const start = passLength(bytes, pos, end, place);
    if (start === -1) return undefined;
    const length = place.pos - start;
    const short = length <= MAX_SHORT_BYTES ? readShort(bytes, start, length) : undefined;
    if (short !== undefined) return short;
    const text = bytes.toString('utf8', start, place.pos);
    // Decoding and then looking is cheaper than two calls, to check and to decode.
    return text.includes(REPLACEMENT) ? undefined : text;
  };
}

/** Passes over a text that nobody wants; false where that is no UTF-8. */
export function passText(bytes: Buffer, pos: number, end: number, place: Place): boolean {
  let at = passLength(bytes, pos, end, place);
  if (at === -1) return false;
  const stop = place.pos;
  if (stop - at <= MAX_LOOP_BYTES) while (at < stop && (bytes[at] as number) < 0x80) at++;
  if (at === stop) return true;
  place.isAscii = false;
  return isUtf8(bytes.subarray(at, stop));
}

/** Where the text starts, with `place` at its end; -1: it gives up. */
function passLength(bytes: Buffer, pos: number, end: number, place: Place): number {
  if (pos >= end) return -1;
  let length = bytes[pos] as number;
  let start = pos + 1;
  if (length < 0x80) {
    if ((length & 1) === 1) return -1;
    length >>>= 1;
  } else {
    length = readCount(bytes, pos, end, place);
    if (!(length >= 0)) return -1;
    start = place.pos;
  }
  if (length > end - start) return -1;
  place.pos = start + length;
  return start;
}

/** One case for each length, since `String.fromCharCode` is fast only with its arguments written out. */
function compileShortText(): ReadShortText {
  const cases = Array.from({ length: MAX_SHORT_BYTES }, (_, shorter) => {
    const codes = Array.from({ length: shorter + 1 }, (_none, i) => `c${String(i)}`);
    const read = codes.map((code, i) => `${code} = bytes[pos + ${String(i)}]`);
    return `case ${String(codes.length)}: { const ${read.join()}; return (${codes.join(' | ')}) < 0x80 ? of(${codes.join()}) : undefined; }`;
  });
  const make = compileFunction(`return (bytes, pos, length) => { switch (length) { case 0: return ''; ${cases.join('\n')} } };`, ['of']) as (of: typeof String.fromCharCode) => ReadShortText;
  return make(String.fromCharCode);
}
