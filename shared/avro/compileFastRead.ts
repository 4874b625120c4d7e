import { compileFunction } from 'node:vm';
import type { Type } from 'avsc';
import { emitRead } from './emitRead.ts';
import { DEFAULT_LIMITS } from './guardLimits.ts';
import { planRead } from './planRead.ts';
import { copyBytes, readCount, readInt, readLong, type Place } from './readPrimitive.ts';
import { textReader } from './readText.ts';

/**
 * Reads the one value that `bytes` are from `start` to their end, and checks it on the way. Undefined: it gives up, since
 * something is wrong or merely unusual. What that is, and what comes of it, the guard and avsc say, who are asked then: this
 * one only answers what they would, sooner.
 */
export type FastRead = (bytes: Buffer, start: number) => unknown;

/**
 * Compiles how to read what `writer` wrote as `reader`; null for what is left to avsc. Takes a third of the time of the guard and
 * avsc together. Ask only where `reader.createResolver(writer)` succeeds, or where both are one type.
 */
export function compileFastRead(writer: Type, reader: Type): FastRead | null {
  const plan = planRead(writer, reader);
  if (plan === null) return null;
  const { maxBytes, maxValues } = DEFAULT_LIMITS;
  const { body, given } = emitRead(plan, maxValues);
  const place: Place = { pos: 0 };
  const known = { copyBytes, readCount, readInt, readLong, readText: textReader(), place, ...given };
  const make = compileFunction(`return (bytes, pos) => { if (bytes.length > ${String(maxBytes)}) return; ${body} };`, Object.keys(known)) as (...known: unknown[]) => FastRead;
  return make(...Object.values(known));
}
