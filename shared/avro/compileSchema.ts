import avsc, { type Schema, type Type } from 'avsc';
import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/**
 * avsc's type of a schema. Unions stay bare values where that is unambiguous; logical types are read as what they are made of.
 * @throws MillraceError SCHEMA_INVALID
 */
export function compileSchema(schema: AvroSchema, at?: string): Type {
  try {
    return avsc.Type.forSchema(schema as Schema, { omitRecordMethods: true, registry: Object.create(null) as Record<string, Type> });
  } catch (cause) {
    throw new MillraceError('SCHEMA_INVALID', { expected: 'an Avro schema', got: cause, cause, ...(at === undefined ? {} : { at }) });
  }
}
