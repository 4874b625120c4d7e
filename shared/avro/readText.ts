import { isAscii, isUtf8 } from 'node:buffer';
import { readCount, type Place } from './readPrimitive.ts';
import { MAX_SHORT_BYTES, shortTextReader, type ReadShortText } from './shortText.ts';

/** A text with its length before it; undefined: it gives up, for anything but text in UTF-8, and for text with U+FFFD in it. */
export type ReadText = (bytes: Buffer, pos: number, end: number, place: Place) => string | undefined;

/** What Node's decoder puts for bytes that are no text, and avsc for a lone surrogate in a long one. */
export const REPLACEMENT = '\ufffd';

/** Up to here a loop over the bytes beats the call into native code. */
const MAX_LOOP_BYTES = 96;

let made: ReadText | undefined;

/** How compiled reads read text. One for all of them, so that it is compiled once. */
export function textReader(): ReadText {
  return (made ??= makeTextReader(shortTextReader()));
}

function makeTextReader(readShort: ReadShortText): ReadText {
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
  const isLong = stop - at > MAX_LOOP_BYTES;
  if (!isLong) while (at < stop && (bytes[at] as number) < 0x80) at++;
  if (at === stop) return true;
  const rest = bytes.subarray(at, stop);
  if (isLong && isAscii(rest)) return true;
  place.isAscii = false;
  return isUtf8(rest);
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
