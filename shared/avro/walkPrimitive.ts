import { isUtf8 } from 'node:buffer';
import { MillraceError } from '../errors/MillraceError.ts';

/** Where a walk stands, and what it may still spend. One object is used again and again. */
export interface AvroCursor {
  bytes: Uint8Array;
  pos: number;
  end: number;
  depth: number;
  valuesLeft: number;
}

type Refusal = 'AVRO_TRUNCATED' | 'AVRO_INVALID' | 'AVRO_UNSAFE';

export function refuse(cursor: AvroCursor, code: Refusal, expected: string, got?: unknown): never {
  throw new MillraceError(code, { at: `byte ${String(Math.min(cursor.pos, cursor.end))}`, expected, ...(got === undefined ? {} : { got }) });
}

export function walkNull(): void {
  // Takes no bytes.
}

export function walkFixed(cursor: AvroCursor, size: number): void {
  if (size > cursor.end - cursor.pos) refuse(cursor, 'AVRO_TRUNCATED', `${String(size)} more bytes`);
  cursor.pos += size;
}

export function walkBoolean(cursor: AvroCursor): void {
  if (cursor.pos >= cursor.end) refuse(cursor, 'AVRO_TRUNCATED', 'a boolean');
  const byte = cursor.bytes[cursor.pos] as number;
  if (byte > 1) refuse(cursor, 'AVRO_INVALID', 'a boolean of 0 or 1', byte);
  cursor.pos++;
}

/** Moves over a varint of at most `maxBytes` bytes, and returns how many it took. */
function skipVarint(cursor: AvroCursor, maxBytes: number): number {
  const { bytes, pos, end } = cursor;
  let at = pos;
  for (;;) {
    if (at >= end) refuse(cursor, 'AVRO_TRUNCATED', 'the rest of a number');
    if ((bytes[at++] as number) < 0x80) break;
    if (at - pos >= maxBytes) refuse(cursor, 'AVRO_INVALID', `a number of at most ${String(maxBytes)} bytes`);
  }
  cursor.pos = at;
  return at - pos;
}

export function walkInt(cursor: AvroCursor): void {
  // Four bits are left for the fifth byte of 32.
  if (skipVarint(cursor, 5) === 5 && (cursor.bytes[cursor.pos - 1] as number) > 0x0f) refuse(cursor, 'AVRO_INVALID', 'a 32-bit number');
}

export function walkLong(cursor: AvroCursor, maxLong: number): void {
  const length = skipVarint(cursor, 10);
  if (length < 8) return; // 49 bits are always safe.
  if (length === 10 && (cursor.bytes[cursor.pos - 1] as number) > 1) refuse(cursor, 'AVRO_INVALID', 'a 64-bit number');
  const value = numberBefore(cursor, length);
  // The least ones come out rounded, -2^52 - 1 as -2^52: so that one goes too.
  if (value > maxLong || value <= -(2 ** 52)) {
    refuse(cursor, 'AVRO_UNSAFE', `a long above -2^52 and up to ${String(maxLong)}, which JavaScript and avsc keep exactly`, value);
  }
}

/** The number whose `length` bytes end at the cursor; beyond 2^53 only roughly. */
function numberBefore(cursor: AvroCursor, length: number): number {
  const { bytes, pos } = cursor;
  let raw = 0;
  let scale = 1;
  for (let at = pos - length; at < pos; at++) {
    raw += ((bytes[at] as number) & 0x7f) * scale;
    scale *= 128;
  }
  // Zigzag; the sign is the lowest bit, which a large `raw` has lost.
  return ((bytes[pos - length] as number) & 1) === 1 ? -(raw + 1) / 2 : raw / 2;
}

/** Reads a length, count or index. Huge ones come out roughly, which is enough to refuse them. */
export function walkLength(cursor: AvroCursor): number {
  const { pos } = cursor;
  if (pos < cursor.end) {
    const byte = cursor.bytes[pos] as number;
    if (byte < 0x80) {
      cursor.pos = pos + 1;
      return (byte >>> 1) ^ -(byte & 1);
    }
  }
  return numberBefore(cursor, skipVarint(cursor, 10));
}

/** Returns where the content starts; the cursor stands after it. */
export function walkBytes(cursor: AvroCursor): number {
  const length = walkLength(cursor);
  if (length < 0) refuse(cursor, 'AVRO_INVALID', 'a length of 0 or more', length);
  if (length > cursor.end - cursor.pos) refuse(cursor, 'AVRO_TRUNCATED', `${String(length)} more bytes`);
  const start = cursor.pos;
  cursor.pos = start + length;
  return start;
}

/** Up to here a loop over the bytes beats the call into native code. */
const SHORT_STRING_BYTES = 96;

/** Strings must be UTF-8: a decoder would put U+FFFD for what is not, and the job would run on changed data. Returns the start. */
export function walkString(cursor: AvroCursor): number {
  const start = walkBytes(cursor);
  const { bytes, pos } = cursor;
  let at = start;
  if (pos - start <= SHORT_STRING_BYTES) while (at < pos && (bytes[at] as number) < 0x80) at++;
  if (at < pos && !isUtf8(bytes.subarray(at, pos))) refuse(cursor, 'AVRO_INVALID', 'a string in UTF-8');
  return start;
}

const PROTO = Buffer.from('__proto__');

/** A map's key. As a plain object's key, `__proto__` would set the prototype, and the entry would vanish. */
export function walkKey(cursor: AvroCursor): void {
  const start = walkString(cursor);
  if (cursor.pos - start !== PROTO.length) return;
  for (let i = 0; i < PROTO.length; i++) if (cursor.bytes[start + i] !== PROTO[i]) return;
  refuse(cursor, 'AVRO_UNSAFE', 'another map key', '__proto__');
}
