import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { createCodec } from '../avro/codec.ts';
import { compileSchema } from '../avro/compileSchema.ts';
import type { Registry } from '../avro/registry.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { ClaimAccess } from '../claims/claimAccess.ts';
import { createPayloadForm } from '../intake/payloadForm.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Buried } from './buried.ts';

/** By which schema an edited payload is written: the one that the job was written by, or the latest of its subject. */
export type EditSchema = 'own' | 'latest';

export interface EditParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly claims: Pick<ClaimAccess, 'follow' | 'wrap'>;
}

/**
 * A dead job's value anew, from JSON as the intake takes it. Where its record holds a claim, the payload is meant, not the claim; what is large then, goes to
 * the store.
 * @throws MillraceError BAD_PAYLOAD with every flaw; CLAIM_* where its payload cannot be read, or the new one not be put; WIRE_* where the value names no
 *   schema; SCHEMA_UNKNOWN, SCHEMA_INVALID, REGISTRY_UNAVAILABLE
 */
export async function encodeEdit({ registry, clock, claims }: EditParts, { job }: Pick<Buried, 'job'>, json: unknown, by: EditSchema = 'latest'): Promise<Buffer> {
  const id = readSchemaId(await claims.follow(job.value));
  const own = { id, schema: await registry.schemaById(id) };
  const subject = compileSchema(JSON.parse(own.schema) as AvroSchema).name ?? '';
  const chosen = by === 'own' ? own : await registry.latest(subject) ?? own;
  const payload = createPayloadForm({ subject, version: 1, versions: [JSON.parse(chosen.schema) as AvroSchema] })(json, 'payload');
  const codec = createCodec({ registry, clock });
  return claims.wrap(job.origin.topic, codec.encode(payload, codec.adopt(subject, chosen)));
}
