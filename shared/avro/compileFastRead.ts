import { compileFunction } from 'node:vm';
import type { Type } from 'avsc';
import { emitRead } from './emitRead.ts';
import { DEFAULT_LIMITS } from './guardLimits.ts';
import { planRead } from './planRead.ts';
import { copyBytes, readCount, readInt, readLong, readWrittenLong, type Place } from './readPrimitive.ts';
import { passText, REPLACEMENT, textReader } from './readText.ts';

/**
 * Reads the one value that `bytes` are from `start` to their end, and checks it on the way. Undefined: it gives up, since
 * something is wrong or merely unusual. What that is, and what comes of it, the guard and avsc say, who are asked then: this
 * one only answers what they would, sooner.
 */
export type FastRead = (bytes: Buffer, start: number) => unknown;

/**
 * Checks what avsc wrote from `start` to the end of `bytes`. True: every reader accepts it, and no text in it has U+FFFD. False
 * says nothing: the guard is asked then.
 */
export type FastCheck = (bytes: Buffer, start: number) => boolean;

/**
 * Compiles how to read what `writer` wrote as `reader`; null for what is left to avsc. Takes a third of the time of the guard and
 * avsc together. Ask only where `reader.createResolver(writer)` succeeds, or where both are one type.
 */
export function compileFastRead(writer: Type, reader: Type): FastRead | null {
  return compile(writer, reader, { keep: true, place: { pos: 0, isAscii: true }, helpers: { copyBytes, readLong } });
}

/** Compiles how to check what is written; null for what is left to the guard. */
export function compileFastCheck(type: Type): FastCheck | null {
  const place: Place = { pos: 0, isAscii: true };
  const pass = compile(type, type, { keep: false, place, helpers: { readLong: readWrittenLong } });
  if (pass === null) return null;
  const replacement = Buffer.from(REPLACEMENT);
  return (bytes, start) => {
    place.isAscii = true;
    return pass(bytes, start) === true && (place.isAscii || !bytes.includes(replacement, start));
  };
}

interface Making {
  readonly keep: boolean;
  readonly place: Place;
  readonly helpers: Readonly<Record<string, unknown>>;
}

function compile(writer: Type, reader: Type, { keep, place, helpers }: Making): FastRead | null {
  const plan = planRead(writer, reader);
  if (plan === null) return null;
  const { maxBytes, maxValues } = DEFAULT_LIMITS;
  const { body, given } = emitRead(plan, { maxValues, keep });
  const known = { place, passText, readCount, readInt, readText: textReader(), ...helpers, ...given };
  // No text of the schema is in it (see `emitRead.ts`), so nobody's schema is run as code.
  const make = compileFunction(`return (bytes, pos) => { if (bytes.length > ${String(maxBytes)}) return; ${body} };`, Object.keys(known)) as (...known: unknown[]) => FastRead;
  return make(...Object.values(known));
}
