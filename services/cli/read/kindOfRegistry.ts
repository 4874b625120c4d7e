import { createCodec, type Codec } from '../../../shared/avro/codec.ts';
import type { Registry } from '../../../shared/avro/registry.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';
import type { Session } from '../session.ts';

/** A kind of which nothing is known but its schema in the registry. */
export interface BareKind {
  readonly job: JobDefinition;
  /** Writes with the schema as it is there; registers nothing. */
  readonly codec: Codec;
}

/**
 * Makes a kind from the registry's latest schema of a subject, so that nobody's code is needed to enqueue.
 * @param keyed whether its jobs have a key @throws MillraceError SCHEMA_UNKNOWN, REGISTRY_UNAVAILABLE, SCHEMA_INVALID
 */
export async function kindOfRegistry({ registry, clock }: Session, kind: string, queue: string, subject: string, keyed: boolean): Promise<BareKind> {
  const found = await registry.latest(subject);
  if (found === null) throw new MillraceError('SCHEMA_UNKNOWN', { at: subject, fix: 'Name the subject of the kind\'s schema by --subject, or its definition by --jobs' });
  const schema = { subject, version: 1, versions: [JSON.parse(found.schema) as AvroSchema] };
  const common = { kind, queue, schema, handle: () => undefined };
  const job = keyed ? defineJob({ ...common, key: () => '' }) : defineJob({ ...common, key: null, order: 'none' });
  // Of this subject nothing is registered, for it is there; what stands for a large payload has a schema of its own.
  const register: Registry['register'] = (of, avro) => (of === subject ? Promise.resolve(found.id) : registry.register(of, avro));
  return { job, codec: createCodec({ registry: { ...registry, register }, clock }) };
}
