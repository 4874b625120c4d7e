import type { Broker, Consumer, FetchedBatch } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';
import { createSleeps, retryPauseMs } from '../runtime/sleeps.ts';
import type { FactReader } from '../status/readFacts.ts';
import { readCompletion, type Completion } from './completion.ts';

export interface CompletionReaderOptions {
  readonly queue: string;
  /** Consumer group of all who share the reading. */
  readonly group: string;
  readonly broker: Broker;
  readonly reader: FactReader;
  readonly clock: Clock;
  /** Resolves when they need not be told again, or once `isOurs` says that another instance tells them. What it throws is told, and it is called again. */
  readonly deliver: (completions: readonly Completion[], isOurs: () => boolean) => Promise<void>;
  readonly trouble: (error: unknown) => void;
  readonly sessionTimeoutMs?: number;
}

/** Reads one queue's events for the ends of jobs: all of them, those of the partitions that this instance owns. An end may come again after a crash. */
export interface CompletionReader {
  /** @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE */
  start(): Promise<void>;
  /** Leaves off at once; what is not delivered comes again. Idempotent. */
  stop(): Promise<void>;
}

/** One batch of a partition at a time: while it is worked on, nothing more of the partition is fetched. */
export function createCompletionReader({ queue, group, broker, reader, clock, deliver, trouble, sessionTimeoutMs = 10_000 }: CompletionReaderOptions): CompletionReader {
  const topic = queueTopicNames(queue).events;
  /** Of each owned partition, the highest lease epoch seen: what a former owner says late counts for nothing. */
  const owned = new Map<number, { epoch: number }>();
  const stopping = new AbortController();
  const sleeps = createSleeps(clock);
  const forget = (partitions: readonly number[]): void => { for (const partition of partitions) owned.delete(partition); };

  const consumer: Consumer = broker.createConsumer(
    { group, topics: [topic], sessionTimeoutMs, revokeTimeoutMs: 5000, maxBytesPerPartition: 512 * 1024, maxWaitMs: 200, clientId: 'millrace-webhooks' },
    {
      assigned(grants) {
        for (const { partition, committed, log } of grants) {
          owned.set(partition, { epoch: 0 });
          consumer.resume(topic, partition, committed[topic]?.offset ?? log[topic]?.startOffset ?? 0);
        }
      },
      revoked(partitions) {
        forget(partitions);
        return Promise.resolve();
      },
      lost: forget,
      fetched(batch) {
        const mine = owned.get(batch.partition);
        if (mine === undefined) return;
        consumer.pause(topic, batch.partition);
        void work(batch, mine);
      },
      trouble,
    },
  );

  async function work(batch: FetchedBatch, mine: { epoch: number }): Promise<void> {
    const { partition, nextOffset } = batch;
    const isOurs = (): boolean => owned.get(partition) === mine && !stopping.signal.aborted;
    for (let failures = 0; isOurs(); failures++) {
      try {
        await Promise.all([...reader.missingSchemas('events', batch.records)].map((id) => reader.load('events', id)));
        const completions = readCompletions(batch, mine);
        if (completions.length > 0) await deliver(completions, isOurs);
        if (!isOurs()) return;
        await consumer.commit([{ partition, positions: [{ topic, offset: nextOffset, metadata: '' }] }]);
        consumer.resume(topic, partition, nextOffset);
        return;
      } catch (error) {
        if (!isOurs()) return;
        trouble(error);
        await sleeps.sleep(retryPauseMs(failures + 1));
      }
    }
  }

  function readCompletions({ partition, records }: FetchedBatch, mine: { epoch: number }): Completion[] {
    const completions: Completion[] = [];
    for (const record of records) {
      const { epoch, facts } = reader.read(queue, 'events', partition, record);
      if (epoch < mine.epoch) continue;
      mine.epoch = epoch;
      for (const fact of facts) {
        const completion = fact.type === 'event' ? readCompletion(queue, fact) : null;
        if (completion !== null) completions.push(completion);
      }
    }
    return completions;
  }

  return {
    start: () => consumer.start(),
    async stop() {
      stopping.abort();
      sleeps.end();
      await consumer.close();
    },
  };
}
