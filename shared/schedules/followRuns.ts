import { jobEventsV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import { createReader, type Codec } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Broker, Consumer, FetchedBatch, FetchedRecord } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';
import { createSleeps, retryPauseMs } from '../runtime/sleeps.ts';
import type { RunEnd } from './schedule.ts';

/** What a queue's events tell of a run. */
export interface RunNews {
  readonly jobId: string;
  /** Of the job's main record: of the first, where a run was enqueued twice. */
  readonly offset: number;
  /** Null: it goes on. */
  readonly end: RunEnd | null;
}

export interface FollowOptions {
  readonly broker: Broker;
  readonly codec: Pick<Codec, 'knows' | 'load' | 'decode'>;
  readonly queue: string;
  /** Of this follower alone; nothing is committed, so it leaves none behind. */
  readonly group: string;
  readonly clock: Clock;
  /** Whether somebody wants to know of a job: asked first, of every event. */
  readonly concerns: (jobId: string) => boolean;
  readonly heard: (news: RunNews) => void;
  /** Events below an offset are gone before they could be read. */
  readonly gone: (partition: number, startOffset: number) => void;
  readonly trouble: (error: unknown) => void;
}

/** Reads the events of one queue, of the partitions where runs are under way, from where these began. */
export interface RunFollower {
  /** Reads a partition from an offset on, again if it has read further already. */
  follow(partition: number, from: number): void;
  unfollow(partition: number): void;
  /** Of a partition that is followed: everything before has been told. Null: it is not. */
  position(partition: number): number | null;
  stop(): Promise<void>;
}

/** Batches of one partition in memory; at the bound, fetching pauses. */
const MAX_PENDING_BATCHES = 4;

const reader = createReader(jobEventsV2);

interface Cursor {
  next: number;
  fetched: FetchedBatch[];
  reading: boolean;
  fetching: boolean;
  /** Highest lease epoch seen: events of a lower one are a zombie's. */
  epoch: number;
}

export function createRunFollower(options: FollowOptions): RunFollower {
  const { broker, codec, queue, clock, heard, trouble } = options;
  const topic = queueTopicNames(queue).events;
  const cursors = new Map<number, Cursor>();
  /** Partitions that the consumer owns, and where their logs began then. */
  const owned = new Map<number, number>();
  let consumer: Consumer | null = null;
  const sleeps = createSleeps(clock);
  let stopping = false;

  const resume = (partition: number, cursor: Cursor): void => {
    const start = owned.get(partition);
    if (start === undefined || cursor.fetching || cursors.get(partition) !== cursor) return;
    cursor.fetching = true;
    if (cursor.next < start) {
      cursor.next = start;
      options.gone(partition, start);
    }
    consumer?.resume(topic, partition, cursor.next);
  };

  const tell = ({ value }: FetchedRecord, cursor: Cursor): void => {
    let batch;
    try {
      batch = codec.decode(value, reader);
    } catch {
      return;
    }
    if (batch.epoch < cursor.epoch) return;
    cursor.epoch = batch.epoch;
    for (const { id, type, offset, detail } of batch.events) {
      if (!options.concerns(id)) continue;
      switch (type) {
        case 'done': case 'buried': case 'cancelled': case 'discarded':
          heard({ jobId: id, offset, end: type });
          break;
        case 'duplicate': {
          const first = Number(/^of (\d+)$/.exec(detail?.note ?? '')?.[1]);
          if (!Number.isNaN(first)) heard({ jobId: id, offset: first, end: null });
          break;
        }
        case 'started': case 'waiting': case 'redriven': case 'progress':
          heard({ jobId: id, offset, end: null });
          break;
        case 'other':
      }
    }
  };

  const loadSchema = async (value: Buffer | null): Promise<void> => {
    let id: number;
    try {
      id = readSchemaId(value);
    } catch {
      return;
    }
    for (let failures = 0; !stopping && !codec.knows(id);) {
      try {
        await codec.load(id);
      } catch (error) {
        trouble(error);
        await sleeps.sleep(retryPauseMs(++failures));
      }
    }
  };

  const read = async (partition: number, cursor: Cursor): Promise<void> => {
    cursor.reading = true;
    for (let batch = cursor.fetched.shift(); batch !== undefined; batch = cursor.fetched.shift()) {
      for (const record of batch.records) {
        await loadSchema(record.value);
        // It may have been told to stop, or to begin elsewhere, meanwhile.
        if (stopping || cursors.get(partition) !== cursor) return;
        tell(record, cursor);
      }
      cursor.next = batch.nextOffset;
    }
    cursor.reading = false;
    resume(partition, cursor);
  };

  const join = async (): Promise<void> => {
    for (let failures = 0; !stopping;) {
      const joined = broker.createConsumer(
        { group: options.group, topics: [topic], sessionTimeoutMs: 10_000, revokeTimeoutMs: 1000, maxBytesPerPartition: 1024 * 1024, maxWaitMs: 500, clientId: 'millrace-scheduler' },
        {
          assigned(grants) {
            for (const { partition, log } of grants) {
              owned.set(partition, log[topic]?.startOffset ?? 0);
              const cursor = cursors.get(partition);
              if (cursor !== undefined) resume(partition, cursor);
            }
          },
          revoked: (partitions) => { forget(partitions); return Promise.resolve(); },
          lost: forget,
          fetched(batch) {
            const { partition } = batch;
            const cursor = cursors.get(partition);
            if (cursor?.fetching !== true) return;
            cursor.fetched.push(batch);
            if (cursor.fetched.length >= MAX_PENDING_BATCHES) {
              cursor.fetching = false;
              consumer?.pause(topic, partition);
            }
            if (!cursor.reading) void read(partition, cursor);
          },
          trouble,
        },
      );
      consumer = joined;
      try {
        await joined.start();
        return;
      } catch (error) {
        trouble(error);
        await joined.close().catch(trouble);
        if (isMillraceError(error, 'NOT_RUNNING')) return;
        await sleeps.sleep(retryPauseMs(++failures));
      }
    }
  };

  function forget(partitions: readonly number[]): void {
    for (const partition of partitions) {
      owned.delete(partition);
      const cursor = cursors.get(partition);
      // What was fetched and not read yet is fetched again.
      if (cursor !== undefined) cursors.set(partition, { ...cursor, fetched: [], reading: false, fetching: false });
    }
  }

  const joining = join();
  return {
    follow(partition, from) {
      const known = cursors.get(partition);
      if (known !== undefined && known.next <= from) return;
      if (known?.fetching === true) consumer?.pause(topic, partition);
      const cursor: Cursor = { next: from, fetched: [], reading: false, fetching: false, epoch: 0 };
      cursors.set(partition, cursor);
      resume(partition, cursor);
    },
    unfollow(partition) {
      if (!cursors.delete(partition)) return;
      consumer?.pause(topic, partition);
    },
    position: (partition) => cursors.get(partition)?.next ?? null,
    async stop() {
      stopping = true;
      sleeps.end();
      await consumer?.close();
      await joining;
    },
  };
}
