import { refuseUndeclaredFields } from '../avro/undeclaredField.ts';
import type { Codec } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import { createPayloadForm } from '../intake/payloadForm.ts';
import { checkJobNames } from '../jobs/checkJobNames.ts';
import type { Definition } from './definition.ts';
import type { JobSchedule, KindSchedule } from './schedule.ts';

/** What each run's job is, encoded: what does not fit its schema is refused when the schedule is put, not at night when it ticks. */
export type RunJob = Pick<Definition, 'kind' | 'queue' | 'key' | 'value'>;

/** As base64, beside all else, it must fit a record of the schedules' topic. */
const MAX_VALUE_BYTES = 256 * 1024;

export interface EncodeTools {
  readonly codec: Pick<Codec, 'register' | 'adopt' | 'encode'>;
  readonly registry: Pick<Registry, 'latest'>;
}

/** @throws MillraceError BAD_PAYLOAD naming the field, BAD_SCHEDULE, UNKNOWN_KIND, SCHEMA_INCOMPATIBLE, SCHEMA_INVALID, REGISTRY_UNAVAILABLE */
export async function encodeRun(tools: EncodeTools, schedule: JobSchedule | KindSchedule): Promise<RunJob> {
  const run = await ('job' in schedule ? encodeDefined(tools, schedule) : encodeNamed(tools, schedule));
  if (run.value.length <= MAX_VALUE_BYTES) return run;
  throw new MillraceError('BROKER_RECORD_TOO_LARGE', { at: `${schedule.name}: payload`, expected: `at most ${MAX_VALUE_BYTES} bytes`, got: run.value.length, fix: 'Store the data elsewhere and put its address into the payload' });
}

async function encodeDefined({ codec }: EncodeTools, { job, payload, key }: JobSchedule): Promise<RunJob> {
  if (typeof job !== 'object' || job === null || typeof job.kind !== 'string' || job.policy === undefined) {
    throw new MillraceError('UNKNOWN_KIND', { at: 'job', expected: 'a job that defineJob made', got: job });
  }
  const writer = await codec.register(job.schema);
  const value = Buffer.from(codec.encode(payload, writer));
  refuseUndeclaredFields(payload, writer);
  return { kind: job.kind, queue: job.queue, key: key ?? readKey(job, payload), value };
}

function readKey({ kind, key }: JobSchedule['job'], payload: unknown): string | null {
  if (key === null) return null;
  let read: unknown;
  try {
    read = key(payload);
  } catch (cause) {
    throw new MillraceError('BAD_PAYLOAD', { at: `${kind}: key`, expected: 'a payload that the key can be read from', got: cause, cause });
  }
  if (typeof read === 'string' && read !== '' && read.isWellFormed()) return read;
  throw new MillraceError('BAD_PAYLOAD', { at: `${kind}: key`, expected: 'well-formed text that names an entity', got: read });
}

async function encodeNamed({ codec, registry }: EncodeTools, { kind, queue, schema, payload, key }: KindSchedule): Promise<RunJob> {
  try {
    checkJobNames(kind, queue);
  } catch (error) {
    throw isMillraceError(error) ? new MillraceError('BAD_SCHEDULE', { ...error.detail, cause: error }) : error;
  }
  const subject = schema ?? kind;
  const registered = await registry.latest(subject);
  if (registered === null) {
    throw new MillraceError('UNKNOWN_KIND', { at: kind, expected: `a schema registered as ${subject}`, got: 'none', fix: 'Name its subject in schema, or register it' });
  }
  const writer = codec.adopt(subject, registered);
  const form = createPayloadForm({ subject, version: 1, versions: [JSON.parse(registered.schema) as AvroSchema] });
  return { kind, queue, key: key ?? null, value: Buffer.from(codec.encode(form(payload, 'payload'), writer)) };
}
