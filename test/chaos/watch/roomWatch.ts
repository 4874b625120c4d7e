import { setTimeout as sleep } from 'node:timers/promises';
import { decodeSettled } from '../../../shared/engine/commitMetadata.ts';
import { readRetryRecord } from '../../../shared/kafka/envelope.ts';
import type { Admin, Broker, Consumer } from '../../../shared/kafka/port.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import { uniqueName } from '../../topicNames.ts';
import type { CommitSight } from '../../guarantees/history.ts';

const LOOK_EVERY_MS = 10_000;
const POLL_MS = 100;

export interface RoomWatchOptions {
  /** On addresses that no trouble of the network reaches. */
  readonly broker: Broker;
  readonly admin: Admin;
  readonly queue: string;
  readonly group: string;
  readonly countLines: () => number;
}

/**
 * Looks at what is committed now and then, and reads the retry topic all the time: so it can say of each look which jobs had been written to the
 * waiting room by then. Brokers that are away make it look again later.
 */
export class RoomWatch {
  readonly sights: CommitSight[] = [];
  /** `partition/offset` of each job that ever had a waiting record. */
  readonly waited = new Set<string>();
  /** Main offsets that were committed lower than before, by whom it says. */
  readonly regressions: string[] = [];
  readonly #options: RoomWatchOptions;
  readonly #topics: ReturnType<typeof queueTopicNames>;
  readonly #positions = new Map<number, number>();
  readonly #highest = new Map<number, number>();
  #consumer: Consumer | null = null;
  #stopped = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: RoomWatchOptions) {
    this.#options = options;
    this.#topics = queueTopicNames(options.queue);
  }

  async start(): Promise<void> {
    const { broker } = this.#options;
    const { main, retry } = this.#topics;
    const group = uniqueName('chaos-watch');
    this.#consumer = broker.createConsumer(
      { group, topics: [retry], sessionTimeoutMs: 30_000, revokeTimeoutMs: 1000, maxBytesPerPartition: 1024 * 1024, maxWaitMs: 500, clientId: group },
      {
        assigned: (grants) => { for (const { partition, log } of grants) this.#consumer?.resume(retry, partition, this.#positions.get(partition) ?? log[retry]?.startOffset ?? 0); },
        revoked: () => Promise.resolve(),
        lost: () => undefined,
        fetched: ({ partition, records, nextOffset }) => {
          const from = this.#positions.get(partition) ?? 0;
          for (const record of records) {
            if (record.offset < from) continue;
            const read = readRetryRecord(record, main, partition, Date.now());
            if (read.type === 'wait') this.waited.add(`${partition}/${read.job.origin.offset}`);
          }
          this.#positions.set(partition, Math.max(from, nextOffset));
        },
        trouble: () => undefined,
      },
    );
    await this.#consumer.start();
    this.#looking = this.#lookOn();
  }

  /** Looks a last time, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
    await this.#look();
    await this.#consumer?.close();
  }

  async #lookOn(): Promise<void> {
    let lastMs = performance.now();
    while (!this.#stopped) {
      await sleep(POLL_MS);
      if (performance.now() - lastMs < LOOK_EVERY_MS) continue;
      lastMs = performance.now();
      await this.#look().catch(() => undefined); // brokers are away: the next look tells
    }
  }

  /** In this order, so that nothing can be missed: what is committed, what waited by then, what the witness saw by then. */
  async #look(): Promise<void> {
    const { admin, group, countLines } = this.#options;
    const { main, retry } = this.#topics;
    const settled = new Map<number, { offset: number; above: ReadonlySet<number> }>();
    for (const { partition, position } of await admin.committed(group, main)) {
      if (position === null) continue;
      settled.set(partition, { offset: position.offset, above: decodeSettled(position.offset, position.metadata) });
      const before = this.#highest.get(partition) ?? 0;
      if (position.offset < before) this.regressions.push(`partition ${partition}: ${position.offset} is committed after ${before}`);
      this.#highest.set(partition, Math.max(before, position.offset));
    }
    const ends = await admin.logBounds(retry);
    while (!ends.every(({ partition, endOffset, startOffset }) => endOffset === startOffset || (this.#positions.get(partition) ?? 0) >= endOffset)) await sleep(POLL_MS);
    this.sights.push({ settled, waited: this.waited, lines: countLines() });
  }
}
