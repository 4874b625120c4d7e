import type { PlannedRecord } from '../../examples/flights/planRun.ts';
import { spoils } from '../../examples/flights/spoil.ts';
import type { DepartureV2 } from '../../schemas/flights.Departure/payload.generated.ts';
import type { Codec, JobDefinition, Millrace } from '../../shared/index.ts';
import { jobHeaders } from '../../shared/kafka/envelope.ts';
import { partitionFor } from '../../shared/kafka/partitionFor.ts';
import type { Producer } from '../../shared/kafka/port.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

export interface FeedOptions {
  readonly millrace: Pick<Millrace, 'enqueueMany'>;
  readonly job: JobDefinition<string, DepartureV2>;
  /** For what no client would send. */
  readonly producer: Producer;
  readonly codec: Pick<Codec, 'register' | 'encode'>;
  readonly records: readonly PlannedRecord[];
  /** Records a second. */
  readonly rate: number;
  readonly clock: Clock;
  /** Stops between two slices. */
  readonly signal: AbortSignal;
  /** Told when Kafka has so many more. */
  readonly enqueued: (count: number) => void;
}

const SLICES_PER_SECOND = 10;

/** Feeds the records in their order, in slices, at an even pace. Resolves when Kafka has them all, or all that were sent before it was stopped. */
export async function feed({ millrace, job, producer, codec, records, rate, clock, signal, enqueued }: FeedOptions): Promise<void> {
  const writer = await codec.register(job.schema);
  const slice = Math.max(1, Math.round(rate / SLICES_PER_SECOND));
  const startedMs = clock.monotonic();
  for (let from = 0; from < records.length && !signal.aborted; from += slice) {
    await pause(clock, startedMs + (from / rate) * 1000 - clock.monotonic(), signal);
    const part = records.slice(from, from + slice);
    const departures = part.filter((record) => record.type === 'departure');
    const spoilt = part.filter((record) => record.type === 'spoilt');
    await Promise.all([
      millrace.enqueueMany(departures.map(({ id, payload }) => [job, payload, { id }] as const)),
      ...spoilt.map(async ({ id, payload, spoil }) => {
        const partition = partitionFor(payload.origin, await producer.partitionCount(job.queue));
        await producer.send(job.queue, partition, [{
          key: payload.origin,
          value: spoils[spoil].apply(codec.encode(payload, writer)),
          headers: jobHeaders({ id, kind: job.kind, source: '/demo/spoilt', time: new Date(clock.now()).toISOString() }),
        }]);
      }),
    ]);
    enqueued(part.length);
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = (): void => {
      signal.removeEventListener('abort', over);
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, over);
    signal.addEventListener('abort', over);
  });
}
