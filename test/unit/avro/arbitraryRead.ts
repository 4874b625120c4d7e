import fc from 'fast-check';
import type { Type } from 'avsc';
import type { FastRead } from '../../../shared/avro/compileFastRead.ts';
import { compileGuard } from '../../../shared/avro/guardAvro.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { mutationsOf } from '../../fuzz/mutate.ts';
import { arbitrarySchema } from './arbitrarySchema.ts';
import { evolveSchema } from './evolveSchema.ts';

const NOTHING_CHANGED = fc.constant([0]);
const changes = fc.array(fc.nat(), { minLength: 30, maxLength: 30 });

/** A value as it was written, by a schema, and another schema to read it by: in half of the cases the same. */
export const arbitraryRead = arbitrarySchema().chain(({ schema, value }) => fc.record({ value, other: value, draws: fc.oneof(NOTHING_CHANGED, changes) }).map(({ value: one, other, draws }) => {
  let drawn = 0;
  const writer = compileSchema(schema);
  const reader = compileSchema(evolveSchema(schema, (below) => (draws[drawn++ % draws.length] as number) % below));
  return { writer, reader, bytes: writer.toBuffer(one), otherBytes: writer.toBuffer(other) };
}));

/** How often the bytes of one value are damaged. */
export const MUTANTS = 15;

export const damagedReads = arbitraryRead.chain((read) =>
  fc.record({ read: fc.constant(read), mutants: fc.array(mutationsOf(read.bytes, read.otherBytes), { minLength: MUTANTS, maxLength: MUTANTS }) }),
);

/** What the guard and avsc make of the bytes; undefined where they refuse them. */
export function slowRead(writer: Type, reader: Type): FastRead {
  const guard = compileGuard(writer);
  const resolver = reader.createResolver(writer);
  return (bytes, start) => {
    try {
      guard(bytes, start);
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      return undefined;
    }
    return (reader.decode(bytes, start, resolver) as { value: unknown }).value;
  };
}
