import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { createCodec } from '../avro/codec.ts';
import { compileSchema } from '../avro/compileSchema.ts';
import type { Registry } from '../avro/registry.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import { createPayloadForm } from '../intake/payloadForm.ts';
import type { Clock } from '../runtime/clock.ts';

/** By which schema an edited payload is written: the one that the job was written by, or the latest of its subject. */
export type EditSchema = 'own' | 'latest';

/**
 * A job's value anew, from JSON as the intake takes it. @param value the one that it has
 * @throws MillraceError BAD_PAYLOAD with every flaw; WIRE_* where the value names no schema; SCHEMA_UNKNOWN, SCHEMA_INVALID, REGISTRY_UNAVAILABLE
 */
export async function encodeEdit(parts: { readonly registry: Registry; readonly clock: Clock }, value: Buffer | null, json: unknown, by: EditSchema = 'latest'): Promise<Buffer> {
  const { registry, clock } = parts;
  const id = readSchemaId(value);
  const own = { id, schema: await registry.schemaById(id) };
  const subject = compileSchema(JSON.parse(own.schema) as AvroSchema).name ?? '';
  const chosen = by === 'own' ? own : await registry.latest(subject) ?? own;
  const payload = createPayloadForm({ subject, version: 1, versions: [JSON.parse(chosen.schema) as AvroSchema] })(json, 'payload');
  const codec = createCodec({ registry, clock });
  return codec.encode(payload, codec.adopt(subject, chosen));
}
