import { MAX_READ_LONG, MAX_WRITTEN_LONG } from './guardLimits.ts';

/** Where the last helper stopped: what it returns is the value. */
export interface Place {
  pos: number;
  /** False once a text was passed over that is not. */
  isAscii: boolean;
}

/*
 * What a compiled read calls (`emitRead.ts`) for what it does not do on the spot. Each reads one value at `pos`, leaves its
 * end in `place`, and gives up by answering NaN; the guard then says what is wrong, if anything is.
 */

/** NaN for what the guard refuses (not above -2^52, or beyond 2^53 - 2), and for more than the eight bytes that the rest fits in. */
export function readLong(bytes: Uint8Array, pos: number, end: number, place: Place): number {
  let low = 0;
  let at = pos;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) return NaN;
    const byte = bytes[at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      place.pos = at;
      return (low >>> 1) ^ -(low & 1);
    }
  }
  let high = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) return NaN;
    const byte = bytes[at++] as number;
    high |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      place.pos = at;
      // Halved before the halves are put together: so all that is let through is exact.
      const half = high * 2 ** 27 + (low >>> 1);
      const value = (low & 1) === 1 ? -half - 1 : half;
      return value > -(2 ** 52) && value <= MAX_READ_LONG ? value : NaN;
    }
  }
  return NaN;
}

/** NaN also for longs that avsc does not write as they are. */
export function readWrittenLong(bytes: Uint8Array, pos: number, end: number, place: Place): number {
  const value = readLong(bytes, pos, end, place);
  return value <= MAX_WRITTEN_LONG ? value : NaN;
}

/** Five bytes at most, and four bits in the fifth. */
export function readInt(bytes: Uint8Array, pos: number, end: number, place: Place): number {
  const value = readLong(bytes, pos, end, place);
  const length = place.pos - pos;
  return length < 5 || (length === 5 && (bytes[pos + 4] as number) <= 0x0f) ? value : NaN;
}

/** A length, count or index, of four bytes at most: no value that the guard lets pass has one of 2^27. */
export function readCount(bytes: Uint8Array, pos: number, end: number, place: Place): number {
  const value = readLong(bytes, pos, end, place);
  return place.pos - pos <= 4 ? value : NaN;
}

export function copyBytes(bytes: Buffer, start: number, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  bytes.copy(copy, 0, start, start + length);
  return copy;
}
