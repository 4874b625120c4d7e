import type { FetchedBatch, FetchedRecord } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Pacer } from '../runtime/pacer.ts';

export interface FeedOptions {
  readonly topic: string;
  readonly partition: number;
  /** Nothing from here on is delivered. */
  readonly to: number;
  readonly selects: (record: FetchedRecord) => boolean;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly fetch: (offset: number) => void;
  readonly stopFetching: () => void;
  readonly deliver: (batch: FetchedBatch) => void;
}

interface Held extends FetchedBatch {
  cursor: number;
}

const TURN_MS = 1;

/** The main topic of one partition as a replay shows it to its worker: what is selected of the range, no faster than the pace. */
export class ReplayFeed {
  readonly #options: FeedOptions;
  readonly #held: Held[] = [];
  /** Where the worker's next batch begins. */
  #position = 0;
  #wanted = false;
  #fetching = false;
  #cancel: (() => void) | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  resume(offset: number): void {
    this.#wanted = true;
    if (this.#held.length > 0) {
      this.#later(0);
      return;
    }
    this.#position = Math.max(this.#position, offset);
    this.#fetchOn();
  }

  pause(): void {
    this.#wanted = false;
    this.#halt();
  }

  /** What Kafka delivered. */
  fetched(batch: FetchedBatch): void {
    const { to, selects } = this.#options;
    if (this.#position >= to) return;
    const records = batch.records.filter((record) => record.offset < to && selects(record));
    this.#held.push({ ...batch, records, nextOffset: Math.min(batch.nextOffset, to), highWatermark: to, cursor: 0 });
    this.#deliver();
    if (this.#held.length > 0 || this.#position >= to) this.#halt();
  }

  /** The log begins here now: where nothing of the range is left in it, Kafka would deliver nothing more. */
  logStarts(offset: number): void {
    const { topic, partition, to } = this.#options;
    if (this.#fetching && offset >= to) this.fetched({ topic, partition, records: [], nextOffset: to, highWatermark: to });
  }

  close(): void {
    this.#wanted = false;
    this.#held.length = 0;
    this.#cancel?.();
  }

  #deliver(): void {
    const { pacer } = this.#options;
    let took = false;
    for (let batch = this.#held[0]; batch !== undefined && this.#wanted; batch = this.#held[0]) {
      const left = batch.records.length - batch.cursor;
      const granted = left === 0 ? 0 : pacer.take(left);
      if (left > 0 && granted === 0) {
        // Who had its turn lets the feeds of other partitions take the next one.
        this.#later(pacer.waitMs() + (took ? TURN_MS : 0));
        return;
      }
      const records = batch.records.slice(batch.cursor, batch.cursor + granted);
      batch.cursor += granted;
      took ||= granted > 0;
      const whole = batch.cursor === batch.records.length;
      if (whole) this.#held.shift();
      this.#position = whole ? batch.nextOffset : (records.at(-1)?.offset ?? 0) + 1;
      this.#options.deliver({ ...batch, records, nextOffset: this.#position });
    }
  }

  /** Never within a call of the worker's. */
  #later(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#cancel = null;
      this.#deliver();
      if (this.#held.length === 0 && this.#wanted) this.#fetchOn();
    });
  }

  #fetchOn(): void {
    if (this.#fetching || this.#position >= this.#options.to) return;
    this.#fetching = true;
    this.#options.fetch(this.#position);
  }

  #halt(): void {
    if (!this.#fetching) return;
    this.#fetching = false;
    this.#options.stopFetching();
  }
}
