import type { JobEventDetailV2, JobEventsV2, JobEventV2, JobEventTypeV2 } from '../../../schemas/millrace.JobEvents/payload.generated.ts';
import { jobEventsV2 } from '../../../schemas/millrace.JobEvents/payload.generated.ts';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { createPlainDecoder } from '../../../shared/avro/plainDecoder.ts';
import { jobHeaders } from '../../../shared/kafka/envelope.ts';
import type { FetchedRecord } from '../../../shared/kafka/port.ts';
import { createFactReader, type FactReader } from '../../../shared/status/readFacts.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

/** One event, all but its type with a default. */
export type EventWish = { readonly type: JobEventTypeV2; readonly id?: string; readonly offset: number } & Partial<Omit<JobEventV2, 'type' | 'offset' | 'id' | 'kind' | 'detail'>> & { readonly kind?: string; readonly detail?: Partial<JobEventDetailV2> | null };

const noDetail: JobEventDetailV2 = { reason: null, dueMs: null, error: null, progress: null, note: null, result: null };

/** Makes records as producers and workers do, and reads them. */
export interface RecordMaker {
  readonly reader: FactReader;
  main(offset: number, options?: { readonly id?: string; readonly kind?: string; readonly key?: string; readonly payload?: Partial<JobV1>; readonly notBeforeMs?: number; readonly atMs?: number }): FetchedRecord;
  events(offset: number, events: readonly EventWish[], options?: { readonly epoch?: number; readonly worker?: string; readonly startMs?: number; readonly queue?: string; readonly partition?: number }): FetchedRecord;
}

export const START_MS = Date.UTC(2026, 0, 1);

export async function createRecordMaker({ maxPayloadBytes = 16_384 } = {}): Promise<RecordMaker> {
  const registry = createMemoryRegistry();
  const codec = createCodec({ registry, clock: systemClock });
  const decoder = createPlainDecoder({ registry, clock: systemClock });
  const jobs = await codec.register(jobV1);
  const events = await codec.register(jobEventsV2);
  await decoder.load(jobs.schemaId);
  return {
    reader: createFactReader({ codec, decoder, maxPayloadBytes }),
    main(offset, { id = `job-${offset}`, kind = 'bench.Job', key = `entity-${offset % 100}`, payload = {}, notBeforeMs, atMs = START_MS + offset } = {}) {
      return {
        offset, timestampMs: atMs, key: Buffer.from(key), value: codec.encode({ ...samplePayload(offset), ...payload }, jobs),
        headers: jobHeaders({ id, kind, source: '/test', time: new Date(atMs).toISOString(), notBeforeMs }),
      };
    },
    events(offset, list, { epoch = 1, worker = 'w1', startMs = START_MS + 100_000, queue = 'q', partition = 0 } = {}) {
      const kinds = [...new Set(list.map(({ kind = 'bench.Job' }) => kind))];
      const lines = list.map(({ kind = 'bench.Job', id, offset: place, key = Buffer.from(`entity-${place % 100}`), attempt = 1, afterMs = 0, detail = null, type }) => (
        { type, id: id ?? `job-${place}`, kind: kinds.indexOf(kind), key, offset: place, attempt, afterMs, detail: detail === null ? null : { ...noDetail, ...detail } }));
      const batch: JobEventsV2 = { queue, partition, worker, epoch, startMs, kinds, events: lines };
      return { offset, timestampMs: startMs, key: null, value: codec.encode(batch, events), headers: undefined };
    },
  };
}

function samplePayload(offset: number): JobV1 {
  return {
    orderId: `order-${offset}`, customer: `Customer ${offset % 1000}`, email: `customer${offset % 1000}@example.com`, city: 'Porto', createdAt: START_MS, sequence: offset,
    amount: 12.5 + offset, currency: 'EUR', priority: offset % 5, express: offset % 2 === 0, note: null,
    lines: [{ sku: `sku-${offset % 50}`, quantity: 2, price: 3.25 }, { sku: 'sku-fix', quantity: 1, price: 6 }], tags: ['new', `t${offset % 3}`],
  };
}
