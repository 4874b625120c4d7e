import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { partitionFor } from '../../../shared/kafka/partitionFor.ts';
import { createMillrace, type Millrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { stepPayload } from '../../guarantees/process/stepJob.ts';

export const PARTITIONS = 6;
const ENTITIES = 48;
const JOBS_PER_SECOND = 50;
const SESSION_TIMEOUT_MS = 10_000;

export interface Completion { readonly job: string; readonly partition: number; readonly atMs: number }

/** A small load through the product itself: jobs enqueued at a steady rate whatever becomes of them, and two workers. Times are monotonic. */
export interface TryLoad {
  readonly completions: Completion[];
  /** Jobs that Kafka acked. */
  readonly accepted: Set<string>;
  /** Codes of enqueues that failed, with counts. */
  readonly refused: Map<string, number>;
  /** What went wrong inside, as told, with time. */
  readonly troubles: string[];
  /** Jobs that began before an earlier one of their entity was done. */
  readonly outOfOrder: string[];
  stopEnqueuing(): Promise<void>;
  close(): Promise<void>;
}

export async function openTryLoad(bootstrap: string, queue: string): Promise<TryLoad> {
  const registry = createMemoryRegistry();
  const logger = createLogger({ level: 'silent', service: 'try', clock: systemClock });
  const completions: Completion[] = [];
  const accepted = new Set<string>();
  const refused = new Map<string, number>();
  const troubles: string[] = [];
  const outOfOrder: string[] = [];
  const highest = new Map<string, number>();
  const open = (): Millrace => createMillrace({ brokers: bootstrap, registryUrl: 'http://unused.invalid', registry, logger, topics: { partitions: PARTITIONS, replicationFactor: 3 } });
  const job = defineJob({
    kind: 'bench.Job',
    queue,
    schema: jobV1,
    key: (payload: JobV1) => payload.note ?? '',
    handle(payload) {
      const entity = payload.note ?? '';
      const last = highest.get(entity) ?? 0;
      // A repeat of what was done is no disorder; a new one must be the highest so far.
      if (payload.sequence < last && !completions.some((one) => one.job === payload.orderId)) outOfOrder.push(payload.orderId);
      highest.set(entity, Math.max(last, payload.sequence));
      completions.push({ job: payload.orderId, partition: partitionFor(entity, PARTITIONS), atMs: performance.now() });
      return Promise.resolve();
    },
  });

  const workers = [open(), open()];
  for (const [index, worker] of workers.entries()) {
    const tell = (what: string): void => { troubles.push(`${Math.round(performance.now())} w${index + 1} ${what}`); };
    const pass = (): void => undefined;
    await worker.work([job], {
      workerId: `w${index + 1}`,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      observe: () => ({
        attemptEnded: pass, buried: pass, attemptAbandoned: pass, schemaUnavailable: pass,
        notice: (partition, notice) => { tell(`partition ${partition} ${notice.type}`); },
        commitFailed: (code) => { tell(`commit failed ${code}`); },
        partitionsAssigned: (partitions) => { tell(`assigned ${partitions.join()}`); },
        partitionsLost: (partitions) => { tell(`lost ${partitions.join()}`); },
        trouble: (error) => { tell(error.message); },
      }),
    });
  }

  const enqueuer = open();
  const underWay = new Set<Promise<void>>();
  let count = 0;
  const enqueueOne = (): void => {
    const payload = stepPayload(`e${count % ENTITIES}`, 1 + Math.floor(count / ENTITIES));
    count += 1;
    const sent = enqueuer.enqueue(job, payload).then(() => { accepted.add(payload.orderId); }, (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      refused.set(code, (refused.get(code) ?? 0) + 1);
    }).finally(() => { underWay.delete(sent); });
    underWay.add(sent);
  };
  const timer = setInterval(enqueueOne, 1000 / JOBS_PER_SECOND);
  const stopEnqueuing = async (): Promise<void> => {
    clearInterval(timer);
    await Promise.all(underWay);
  };
  return {
    completions, accepted, refused, troubles, outOfOrder, stopEnqueuing,
    async close() {
      await stopEnqueuing();
      await Promise.all([...workers, enqueuer].map((one) => one.close()));
    },
  };
}
