import type { Broker, Consumer, FetchedRecord, OutgoingRecord, Producer } from '../../../../shared/kafka/port.ts';
import { createMemoryCluster, createVirtualClock, seededRandom, type MemoryCluster, type MemoryClusterOptions, type VirtualClock } from '../../../../shared/testing/index.ts';

export const START_MS = Date.UTC(2030, 0, 1);
export const record = (value: string | null, key: string | null = 'k'): OutgoingRecord => ({ key, value: value === null ? null : Buffer.from(value) });

/** One process that the test plays: a connection with a started producer. */
export interface Process {
  readonly broker: Broker;
  readonly producer: Producer;
}

/** A consumer that follows its partitions and keeps a diary. */
export interface Member {
  readonly consumer: Consumer;
  readonly diary: string[];
  readonly records: FetchedRecord[];
}

export interface Rig extends MemoryCluster {
  readonly clock: VirtualClock;
  /** Awaits while time passes. */
  run<T>(promise: Promise<T>): Promise<T>;
  /** The code of a rejection, 'resolved', or 'pending' when nothing came of it within a virtual minute. */
  outcome(promise: Promise<unknown>): Promise<string>;
  process(clientId: string): Promise<Process>;
  member(clientId: string, broker?: Broker): Member;
  texts(topic: string, partition?: number): string[];
}

/** A cluster on virtual time with the topic `t` of `partitions` partitions. */
export function createRig(partitions = 1, options: Partial<MemoryClusterOptions> = {}): Rig {
  const clock = createVirtualClock(START_MS);
  const cluster = createMemoryCluster({ clock, random: seededRandom(1), ...options });
  cluster.inspect.createTopic({ name: 't', partitions });

  const run = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const mark = (): void => { settled = true; };
    promise.then(mark, mark);
    await clock.runUntil(() => settled);
    return promise;
  };
  return {
    ...cluster,
    clock,
    run,
    async outcome(promise) {
      let result = 'pending';
      promise.then(() => { result = 'resolved'; }, (error: { code?: string }) => { result = error.code ?? 'an error without a code'; });
      await clock.advance(60_000);
      return result;
    },
    async process(clientId) {
      const broker = cluster.broker();
      const producer = broker.createProducer({ clientId });
      await run(producer.start());
      return { broker, producer };
    },
    member(clientId, broker = cluster.broker()) {
      const diary: string[] = [];
      const records: FetchedRecord[] = [];
      const note = (what: string): void => { diary.push(`${clock.monotonic()} ${what}`); };
      const consumer = broker.createConsumer({ group: 'g', topics: ['t'], clientId, sessionTimeoutMs: 10_000, revokeTimeoutMs: 3_000, maxBytesPerPartition: 1_048_576, maxWaitMs: 100 }, {
        assigned(grants) {
          note(`assigned ${grants.map(({ partition }) => partition).join()}`);
          for (const { partition, committed, log } of grants) consumer.resume('t', partition, committed['t']?.offset ?? log['t']?.startOffset ?? 0);
        },
        revoked(gone) { note(`revoked ${gone.join()}`); return Promise.resolve(); },
        lost(gone) { note(`lost ${gone.join()}`); },
        fetched(batch) { records.push(...batch.records); note(`fetched ${batch.partition}: ${batch.records.map(({ value }) => String(value)).join()}`); },
        trouble(error) { note(`trouble ${error.message}`); },
      });
      return { consumer, diary, records };
    },
    texts: (topic, partition = 0) => cluster.inspect.records(topic, partition).map(({ value }) => String(value)),
  };
}
