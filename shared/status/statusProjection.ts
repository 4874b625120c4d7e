import { createCodec } from '../avro/codec.ts';
import { createPlainDecoder } from '../avro/plainDecoder.ts';
import type { Registry } from '../avro/registry.ts';
import type { Database } from '../database/port.ts';
import type { Admin, Broker } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { findQueues } from './findQueues.ts';
import { indexPayload } from './payloadFields.ts';
import { prepareStatusTables } from './prepareStatusTables.ts';
import { createQueueProjector, type ProjectorObserver, type QueueProjector } from './queueProjector.ts';
import { createFactReader } from './readFacts.ts';
import { retireJobs } from './retireJobs.ts';

export interface StatusProjectionOptions {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly registry: Registry;
  readonly database: Database;
  readonly clock: Clock;
  readonly observer: ProjectorObserver;
  /** Null: all that have the four topics; new ones are found within `discoverEveryMs`. */
  readonly queues: readonly string[] | null;
  readonly discoverEveryMs: number;
  /** Finished jobs are removed after so long. */
  readonly retentionMs: number;
  /** Dead ones after so long. Default: a year, as their dead letters. */
  readonly deadRetentionMs?: number;
  /** Fields of payloads that lists by them are to be fast for, such as `customerId` or `address.city`. Default: none. */
  readonly payloadFields?: readonly string[];
  /** Larger payloads are not kept; 0: none. */
  readonly maxPayloadBytes: number;
  readonly sessionTimeoutMs?: number;
  readonly group?: string;
  readonly clientId?: string;
}

/** Keeps the tables at what the topics say. Several instances share the partitions. */
export interface StatusProjection {
  /** Makes the tables, and reads the queues that are there. @throws MillraceError DATABASE_*, BROKER_*, TOPIC_* */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Looks for new queues soon, without being waited for. */
  discoverSoon(): void;
  readonly queues: readonly string[];
  readonly projectors: readonly QueueProjector[];
}

const RETIRE_EVERY_MS = 60_000;
const DEAD_RETENTION_MS = 365 * 86_400_000;

export function createStatusProjection(options: StatusProjectionOptions): StatusProjection {
  const { broker, admin, registry, database, clock, observer } = options;
  const reader = createFactReader({ codec: createCodec({ registry, clock }), decoder: createPlainDecoder({ registry, clock }), maxPayloadBytes: options.maxPayloadBytes });
  const projectors = new Map<string, QueueProjector>();
  const timers = new Set<() => void>();
  let stopping = false;
  let underWay: Promise<unknown> = Promise.resolve();
  let asked = false;

  const add = async (queue: string): Promise<void> => {
    const { sessionTimeoutMs, group, clientId } = options;
    const projector = createQueueProjector({
      queue, broker, database, reader, clock, observer,
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }), ...(group === undefined ? {} : { group }), ...(clientId === undefined ? {} : { clientId }),
    });
    await projector.start();
    projectors.set(queue, projector);
    if (stopping) await projector.stop();
  };
  const discover = async (): Promise<void> => {
    const wanted = options.queues ?? await findQueues(admin);
    for (const queue of wanted) if (!projectors.has(queue) && !stopping) await add(queue);
  };
  const report = (error: unknown): void => { observer.trouble('', error); };
  /** One after the other, so that a stop waits for one thing. What fails comes again at the next time. */
  const every = (ms: number, work: () => Promise<unknown>): void => {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      underWay = underWay.then(work).catch(report).finally(() => { if (!stopping) every(ms, work); });
    });
    timers.add(cancel);
  };

  return {
    discoverSoon() {
      if (asked || stopping || options.queues !== null) return;
      asked = true;
      underWay = underWay.then(() => {
        asked = false;
        return discover();
      }).catch(report);
    },
    async start() {
      await prepareStatusTables(database);
      await indexPayload(database, options.payloadFields ?? []);
      await discover();
      if (options.queues === null) every(options.discoverEveryMs, discover);
      every(RETIRE_EVERY_MS, () => retireJobs(database, { finishedMs: clock.now() - options.retentionMs, deadMs: clock.now() - (options.deadRetentionMs ?? DEAD_RETENTION_MS) }, clock.now()));
    },
    async stop() {
      stopping = true;
      for (const cancel of timers) cancel();
      await underWay;
      await Promise.all([...projectors.values()].map((projector) => projector.stop()));
    },
    get queues() { return [...projectors.keys()].toSorted(); },
    get projectors() { return [...projectors.values()]; },
  };
}
