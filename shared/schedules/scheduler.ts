import { randomUUID } from 'node:crypto';
import type { Codec } from '../avro/codec.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Broker, Consumer, FetchedBatch, OutgoingRecord, PartitionGrant } from '../kafka/port.ts';
import { DEFAULT_TOPICS, type TopicDefaults } from '../kafka/prepareTopics.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { createService, type Service } from '../runtime/service.ts';
import { sleep } from '../runtime/sleeps.ts';
import { createSteadyClock } from '../runtime/steadyClock.ts';
import { untilAvailable } from '../worker/untilAvailable.ts';
import { prepareSchedulesTopic } from './prepareSchedulesTopic.ts';
import { createReign, type Reign } from './reign.ts';
import { ScheduleBook } from './scheduleBook.ts';
import { deafObserver, type SchedulerObserver } from './schedulerObserver.ts';
import { SCHEDULES_TOPIC, leaseRecord } from './scheduleTopic.ts';

export interface SchedulerOptions {
  readonly broker: Broker;
  readonly codec: Pick<Codec, 'knows' | 'load' | 'decode'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Default `millrace.schedules`. */
  readonly topic?: string;
  /** How the topic is made where it is missing. Default: 1 replica. `false`: it must exist. */
  readonly topics?: TopicDefaults | false;
  /** So long after the active scheduler fell silent another one takes over. Default 6 s. */
  readonly sessionTimeoutMs?: number;
  readonly observer?: SchedulerObserver;
  /** Makes what tells reigns and groups apart. Default: random UUIDs. */
  readonly createId?: () => string;
}

/**
 * Runs schedules: of the schedulers on one topic one is active, and the others stand by. It decides on a tick when it is due, writes the decision
 * down, and only when it has read it back under its own lease the tick's job is enqueued. So whatever happens in between, whoever is active next
 * sends the same job, under the same id, which its queue runs once.
 */
export interface Scheduler extends Service {
  readonly active: boolean;
  /** For health: monotonic ms since when the scheduler that should be active could not write; null: all is well. */
  readonly failingSinceMs: number | null;
}

/** Time in which the partition is ours, by the group's word. */
interface Tenure {
  readonly book: ScheduleBook;
  /** Where its log ended when it was granted. */
  readonly restoreTo: number;
  /** Next offset to read. */
  position: number;
  restored: boolean;
  over: boolean;
  reign: Reign | null;
  ended: Promise<void>;
  /** Those who wait for an offset to be read. */
  readonly readers: Set<() => void>;
}

/** Records of one send, by their bytes: less than what a topic takes at once. */
const MAX_SEND_BYTES = 256 * 1024;
const MAX_SEND_RECORDS = 500;
const STOP_PATIENCE_MS = 3000;
const RETRY_MS = 200;
const AGAIN_MS = 5000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { broker, codec, logger, random, topic = SCHEDULES_TOPIC, observer = deafObserver, createId = randomUUID } = options;
  const clock = createSteadyClock(options.clock);
  const group = topic;
  const admin = broker.createAdmin({ clientId: 'millrace-scheduler' });
  const producer = broker.createProducer({ clientId: 'millrace-scheduler' });
  const stopping = new AbortController();
  let consumer: Consumer | null = null;
  let tenure: Tenure | null = null;
  let active = false;
  let failingSinceMs: number | null = null;

  const trouble = (error: unknown): void => { observer.trouble(error); };
  const failed = (error: unknown): void => {
    failingSinceMs ??= clock.monotonic();
    trouble(error);
    logger.warn({ err: error }, 'the schedules\' topic cannot be written; it is tried again');
  };

  /** Sends records until Kafka has them. @returns offset of the last; −1: the tenure ended */
  const append = async (mine: Tenure, records: readonly OutgoingRecord[]): Promise<number> => {
    let last = -1;
    for (const part of slices(records)) {
      for (;;) {
        if (mine.over) return -1;
        try {
          const { baseOffset } = await producer.send(topic, 0, part);
          last = baseOffset + part.length - 1;
          failingSinceMs = null;
          break;
        } catch (error) {
          failed(error);
          await sleep(clock, RETRY_MS);
        }
      }
    }
    return last;
  };

  const untilRead = (mine: Tenure, offset: number): Promise<void> => new Promise((resolve) => {
    const look = (): void => {
      if (mine.position <= offset && !mine.over) return;
      mine.readers.delete(look);
      resolve();
    };
    mine.readers.add(look);
    look();
  });

  /** Rules 1 to 3 of the retry topic's leases hold here too: a lease counts when it is read back, and when the group then still takes a commit. */
  const takeLease = async (mine: Tenure, owner: string): Promise<boolean> => {
    await untilRead(mine, await append(mine, [leaseRecord(owner)]));
    while (!mine.over && mine.book.owner === owner) {
      try {
        await consumer?.commit([{ partition: 0, positions: [{ topic, offset: mine.position, metadata: '' }] }]);
        return !mine.over;
      } catch (error) {
        if (isMillraceError(error, 'BROKER_FENCED')) {
          mine.over = true;
          return false;
        }
        failed(error);
        await sleep(clock, RETRY_MS);
      }
    }
    return false;
  };

  const rule = async (mine: Tenure): Promise<void> => {
    while (!mine.over) {
      const owner = createId();
      if (!await takeLease(mine, owner)) continue;
      const write = async (make: (epoch: number) => readonly OutgoingRecord[]): Promise<boolean> => {
        for (;;) {
          const { epoch } = mine.book;
          if (mine.over || mine.book.owner !== owner) return false;
          await untilRead(mine, await append(mine, make(epoch)));
          if (mine.over || mine.book.owner !== owner) return false;
          // Our own lease may stand there twice, if its ack was lost.
          if (mine.book.epoch === epoch) return true;
        }
      };
      const reign = createReign({ broker, admin, producer, codec, clock, logger, observer, createId }, { book: mine.book, write });
      mine.reign = reign;
      active = true;
      observer.active(true);
      logger.info({ schedules: mine.book.entries.size, lease: mine.book.epoch }, 'this scheduler is active');
      await reign.run();
      active = false;
      observer.active(false);
      logger.info('this scheduler is not active any more');
      mine.reign = null;
      await reign.close(STOP_PATIENCE_MS);
    }
  };

  /** A defect met by one reign need not be met by the next. */
  const ruleOn = async (mine: Tenure): Promise<void> => {
    while (!mine.over) {
      try {
        await rule(mine);
      } catch (err) {
        logger.error({ err }, 'the scheduler failed; it begins anew');
        observer.trouble(err);
        active = false;
        observer.active(false);
        await mine.reign?.close(0);
        mine.reign = null;
        await sleep(clock, AGAIN_MS);
      }
    }
  };

  const restored = (mine: Tenure): void => {
    mine.restored = true;
    mine.ended = ruleOn(mine);
  };

  const end = (mine: Tenure | null): void => {
    if (mine === null) return;
    mine.over = true;
    failingSinceMs = null;
    mine.reign?.end();
    for (const look of [...mine.readers]) look();
    if (tenure === mine) tenure = null;
  };

  const begin = ({ log }: PartitionGrant): void => {
    end(tenure);
    const { startOffset, endOffset } = log[topic] ?? { startOffset: 0, endOffset: 0 };
    const mine: Tenure = { book: new ScheduleBook(), restoreTo: endOffset, position: startOffset, restored: false, over: false, reign: null, ended: Promise.resolve(), readers: new Set() };
    tenure = mine;
    consumer?.resume(topic, 0, startOffset);
    if (startOffset >= endOffset) restored(mine);
  };

  const read = (mine: Tenure, { records, nextOffset }: FetchedBatch): void => {
    for (const record of records) {
      const changed = mine.book.apply(record);
      if (changed !== null && changed !== 'lease') mine.reign?.changed(changed);
    }
    mine.position = nextOffset;
    if (!mine.restored && mine.position >= mine.restoreTo) restored(mine);
    for (const look of [...mine.readers]) look();
  };

  const join = async (): Promise<void> => {
    await producer.start();
    await prepareSchedulesTopic(admin, topic, options.topics ?? DEFAULT_TOPICS);
    const joining = broker.createConsumer(
      { group, topics: [topic], sessionTimeoutMs: options.sessionTimeoutMs ?? 6000, revokeTimeoutMs: STOP_PATIENCE_MS * 2, maxBytesPerPartition: 1024 * 1024, maxWaitMs: 500, clientId: 'millrace-scheduler' },
      {
        assigned(grants) { for (const grant of grants) if (grant.partition === 0) begin(grant); },
        async revoked() {
          const mine = tenure;
          end(mine);
          await mine?.ended;
        },
        lost() { end(tenure); },
        fetched(batch) { if (tenure !== null) read(tenure, batch); },
        trouble,
      },
    );
    consumer = joining;
    try {
      await joining.start();
    } catch (error) {
      await joining.close();
      throw error;
    }
  };

  return {
    ...createService('scheduler', {
      start: () => untilAvailable(join, {
        clock, random, signal: stopping.signal,
        failed: (err, nextTryMs) => { logger.warn({ err, nextTryMs }, 'the scheduler cannot start yet'); },
      }),
      interrupt() { stopping.abort(); },
      async stop() {
        stopping.abort();
        await consumer?.close();
        await producer.close();
        await admin.close();
      },
    }),
    get active() { return active; },
    get failingSinceMs() { return failingSinceMs; },
  };
}

function* slices(records: readonly OutgoingRecord[]): Generator<readonly OutgoingRecord[]> {
  let part: OutgoingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = (record.value?.length ?? 0) + 500;
    if (part.length > 0 && (bytes + size > MAX_SEND_BYTES || part.length >= MAX_SEND_RECORDS)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
