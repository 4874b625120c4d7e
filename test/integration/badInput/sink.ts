import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { AvroSchema, PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import type { Registry } from '../../../shared/avro/registry.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { framed } from '../../unit/avro/avroBytes.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';

/** One field for each thing that bytes can lie about. Each takes a single zero byte when it says nothing. */
const fields = [
  { name: 'nulls', type: { type: 'array', items: 'null' } },
  { name: 'node', type: ['null', { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] }] },
  { name: 'text', type: 'string' },
  { name: 'counts', type: { type: 'map', values: 'int' } },
  { name: 'choice', type: ['null', 'int', 'string'] },
  { name: 'color', type: { type: 'enum', name: 'Color', symbols: ['RED', 'GREEN'] } },
  { name: 'flag', type: 'boolean' },
  { name: 'big', type: 'long' },
  { name: 'longs', type: { type: 'array', items: 'long' } },
] as const;

export type SinkField = (typeof fields)[number]['name'];
const sinkSchema: AvroSchema = { type: 'record', name: 'Sink', namespace: 'bad', fields };
export const sinkV1: PayloadSchema<Record<string, unknown>> = { subject: 'bad.Sink', version: 1, versions: [sinkSchema] };

/** bench.Job as somebody else understands it: the same name, another shape. */
const otherJob: AvroSchema = { type: 'record', name: 'Job', namespace: 'bench', fields: [{ name: 'orderId', type: 'int' }] };
const wide: AvroSchema = { type: 'record', name: 'Wide', namespace: 'bad', fields: Array.from({ length: 10_000 }, (_, n) => ({ name: `f${n}`, type: 'int' })) };
const unreferenced: AvroSchema = { type: 'record', name: 'Stranger', namespace: 'bad', fields: [{ name: 'a', type: 'int' }] };

/** Makes values, good and bad, with real schema ids. */
export interface ValueKit {
  readonly ids: { readonly job: number; readonly sink: number; readonly otherJob: number; readonly wide: number; readonly stranger: number };
  job(sequence: number, note?: string): Buffer;
  jobPayload(sequence: number, note?: string): JobV1;
  /** A bad.Sink whose field `field` has these bytes; the fields before it are empty, those after it too unless `cut`. */
  sink(field: SinkField, bytes: Buffer, cut?: 'cut'): Buffer;
}

export async function createValueKit(registry: Registry): Promise<ValueKit> {
  const codec = createCodec({ registry, clock: systemClock });
  const jobs = await codec.register(jobV1);
  const sinks = await codec.register(sinkV1);
  const ids = {
    job: jobs.schemaId,
    sink: sinks.schemaId,
    otherJob: await registry.register('bad.OtherJob', otherJob),
    wide: await registry.register('bad.Wide', wide),
    stranger: await registry.register('bad.Stranger', unreferenced),
  };
  return {
    ids,
    job: (sequence, note) => Buffer.from(codec.encode(sampleJob(sequence, note), jobs)),
    jobPayload: sampleJob,
    sink(field, bytes, cut) {
      const at = fields.findIndex(({ name }) => name === field);
      return framed(ids.sink, Buffer.concat([Buffer.alloc(at), bytes, Buffer.alloc(cut === undefined ? fields.length - at - 1 : 0)]));
    },
  };
}
