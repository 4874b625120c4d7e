import { createClient, type Client } from '../../../shared/client/client.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryCluster, createVirtualClock, seededRandom, type MemoryCluster, type VirtualClock } from '../../../shared/testing/index.ts';
import { createMemoryRegistry, type MemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import type { QueueObserver } from '../../../shared/worker/observer.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../../shared/worker/worker.ts';

export interface Rig {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  readonly registry: MemoryRegistry;
  readonly client: Client;
  /** What observers were told, in order. */
  readonly seen: string[];
  startWorker(jobs: readonly JobDefinition[], options?: Partial<WorkerOptions>): Promise<Worker>;
  /** Lets virtual time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

export function createRig(queues: readonly string[], partitions = 1): Rig {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const random = seededRandom(7);
  const cluster = createMemoryCluster({ clock, random });
  for (const queue of queues) {
    const topics = queueTopicNames(queue);
    for (const name of Object.values(topics) as string[]) {
      cluster.inspect.createTopic({ name, partitions, config: name === topics.retry ? { 'cleanup.policy': 'compact' } : {} });
    }
  }
  const registry = createMemoryRegistry();
  const client = createClient({ broker: cluster.broker(), codec: createCodec({ registry, clock }), source: '/test', clock, random });
  const seen: string[] = [];
  let workers = 0;

  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    const watched = promise.finally(() => { over = true; });
    watched.catch(() => undefined);
    await clock.runUntil(() => over, { maxMs: 600_000 });
    return watched;
  };

  return {
    clock, cluster, registry, client, seen, settle,
    async startWorker(jobs, options = {}) {
      const worker = createWorker({
        broker: cluster.broker(), registry, jobs, clock, random,
        logger: createLogger({ level: 'silent', service: 'test', clock }),
        observe: () => recordingObserver(seen),
        workerId: `w${++workers}`,
        ...options,
      });
      await settle(worker.start());
      return worker;
    },
  };
}

function recordingObserver(seen: string[]): QueueObserver {
  return {
    attemptEnded: (kind, end) => { seen.push(`${kind} ${end}`); },
    buried: (job, reason) => { seen.push(`buried ${job.id} ${reason}`); },
    attemptAbandoned: (job) => { seen.push(`abandoned ${job.id}`); },
    notice: (partition, notice) => { seen.push(`p${partition} ${notice.type}`); },
    commitFailed: (code) => { seen.push(`commit failed ${code}`); },
    schemaUnavailable: (id) => { seen.push(`schema unavailable ${id}`); },
    partitionsAssigned: (partitions) => { seen.push(`assigned ${partitions.join()}`); },
    partitionsLost: (partitions) => { seen.push(`lost ${partitions.join()}`); },
    trouble: (error) => { seen.push(`trouble ${error.message}`); },
  };
}
