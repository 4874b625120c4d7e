import type { LargePayloadOptions } from '../claims/largePayloads.ts';
import { createMillrace, type Millrace } from '../millrace.ts';
import { createMemoryCluster, type MemoryCluster } from '../kafka/memory/cluster.ts';
import { createLogger } from '../runtime/logger.ts';
import type { Handle } from '../jobs/jobDefinition.ts';
import { createInProcessStarter } from './inProcessSandbox.ts';
import { createMemoryClaims } from './memoryClaims.ts';
import { createMemoryRegistry, type MemoryRegistry } from './memoryRegistry.ts';
import { seededRandom } from './seededRandom.ts';
import { createVirtualClock, type VirtualClock } from './virtualClock.ts';

/** millrace as in production, on a Kafka and a registry in memory, in time that stands still until the test moves it. */
export interface TestMillrace {
  readonly millrace: Millrace;
  /** A retry in ten minutes is `await clock.advance(600_000)`. */
  readonly clock: VirtualClock;
  /** Topics, records, committed offsets to look at; faults to inject. */
  readonly cluster: MemoryCluster;
  readonly registry: MemoryRegistry;
  /** Large payloads and results, by the names of their objects: take one away, and its job finds none. */
  readonly objects: Map<string, Buffer>;
  /** Lets time pass until the promise settles: everything that does I/O needs it, for instance `await settle(millrace.enqueue(job, payload))`. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds. @throws MillraceError TIMEOUT when it does not within a day */
  until(condition: () => boolean): Promise<void>;
}

const DAY_MS = 86_400_000;

export interface TestMillraceOptions {
  /** Decides all chance: jitter, ids of workers. The same seed gives the same run. */
  readonly seed?: number;
  /** Epoch ms. */
  readonly startMs?: number;
  readonly partitions?: number;
  /** As of `createMillrace`, but that they lie in memory. Default: none, and a job that is too large for a record is refused. */
  readonly largePayloads?: Omit<LargePayloadOptions, 'folder' | 'store'>;
  /** Handlers of isolated kinds, by kind: they run here, in the process of the test. */
  readonly isolated?: Readonly<Record<string, Handle<never>>>;
}

export function createTestMillrace({ seed = 1, startMs = Date.UTC(2026, 0, 1), partitions = 1, largePayloads, isolated = {} }: TestMillraceOptions = {}): TestMillrace {
  const clock = createVirtualClock(startMs);
  const random = seededRandom(seed);
  const cluster = createMemoryCluster({ clock, random });
  const registry = createMemoryRegistry();
  const objects = new Map<string, Buffer>();
  const inner = createMillrace({
    brokers: [], registryUrl: '', broker: cluster.broker(), registry, clock, random,
    topics: { partitions, replicationFactor: 1 },
    ...(largePayloads === undefined ? {} : { largePayloads: { ...largePayloads, store: createMemoryClaims(objects) } }),
    logger: createLogger({ level: 'silent', service: 'test', clock }),
  });
  const startSandbox = createInProcessStarter(isolated, clock);
  const millrace: Millrace = { ...inner, work: (jobs, options = {}) => inner.work(jobs, { startSandbox, ...options }) };
  const until = (condition: () => boolean): Promise<void> => clock.runUntil(condition, { maxMs: DAY_MS });
  return {
    millrace, clock, cluster, registry, objects, until,
    async settle(promise) {
      let over = false;
      const watched = promise.finally(() => { over = true; });
      watched.catch(() => undefined);
      await until(() => over);
      return watched;
    },
  };
}
