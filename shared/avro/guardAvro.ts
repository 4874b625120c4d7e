import { MillraceError } from '../errors/MillraceError.ts';
import { DEFAULT_LIMITS, type GuardLimits } from './guardLimits.ts';
import { compileWalk, type AvroCursor } from './walkAvro.ts';
import type { Type } from 'avsc';

/**
 * Checks that `bytes` from `start` to their end are exactly one value of the writer's type, and safe to hand to avsc: a
 * decoder that trusts lengths and counts can be made to allocate gigabytes by five bytes. Allocates nothing itself.
 * @throws MillraceError AVRO_TRUNCATED, AVRO_TRAILING, AVRO_INVALID (not what the schema says), AVRO_UNSAFE (would be too
 *   much, or would not survive as a JavaScript value).
 */
export type Guard = (bytes: Uint8Array, start: number) => void;

const NOTHING = new Uint8Array(0);

/** Compiles the guard of one writer schema. @throws MillraceError SCHEMA_INVALID for a type it does not know. */
export function compileGuard(type: Type, limits: GuardLimits = DEFAULT_LIMITS): Guard {
  const walk = compileWalk(type, limits);
  const cursor: AvroCursor = { bytes: NOTHING, pos: 0, end: 0, depth: 0, valuesLeft: 0 };
  return (bytes, start) => {
    if (bytes.length > limits.maxBytes) {
      throw new MillraceError('AVRO_UNSAFE', { expected: `at most ${String(limits.maxBytes)} bytes`, got: bytes.length });
    }
    cursor.bytes = bytes;
    cursor.pos = start;
    cursor.end = bytes.length;
    cursor.depth = 0;
    cursor.valuesLeft = limits.maxValues;
    try {
      walk(cursor);
      if (cursor.pos !== cursor.end) {
        throw new MillraceError('AVRO_TRAILING', { at: `byte ${String(cursor.pos)}`, expected: 'the end', got: `${String(cursor.end - cursor.pos)} more bytes` });
      }
    } finally {
      cursor.bytes = NOTHING; // A fetch buffer of megabytes must not live on for the sake of its last record.
    }
  };
}
