import { MillraceError } from '../errors/MillraceError.ts';

/** Confluent's wire format: one magic byte (0), the schema id (int32, big endian), then the Avro binary data. */
export const HEADER_BYTES = 5;
const MAGIC = 0;

/**
 * The schema id of a framed value. Ids are not judged: a negative one is returned as it is (no registry knows it).
 * @throws MillraceError WIRE_EMPTY for null or no bytes; WIRE_MAGIC for another first byte or fewer than five bytes.
 */
export function readSchemaId(value: Buffer | null): number {
  if (value === null || value.length === 0) {
    throw new MillraceError('WIRE_EMPTY', { expected: 'a framed Avro value', got: value === null ? null : '' });
  }
  if (value[0] !== MAGIC) {
    throw new MillraceError('WIRE_MAGIC', { expected: 'first byte 0', got: value[0], fix: 'Produce with a Confluent-compatible Avro serializer' });
  }
  if (value.length < HEADER_BYTES) {
    throw new MillraceError('WIRE_MAGIC', { expected: 'at least 5 bytes (magic, schema id)', got: value.length });
  }
  return value.readInt32BE(1);
}

/** Writes magic byte and schema id at `at`; the Avro data follows at `at + HEADER_BYTES`. The caller makes the room. */
export function writeHeader(target: Buffer, at: number, schemaId: number): void {
  target[at] = MAGIC;
  target.writeInt32BE(schemaId, at + 1);
}
