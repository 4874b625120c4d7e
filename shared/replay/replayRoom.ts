import { createPartitionLog, type PartitionLog } from '../kafka/memory/partitionLog.ts';
import { readRetryRecord } from '../kafka/envelope.ts';
import type { FetchedBatch, OutgoingRecord } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';

export interface RoomOptions {
  readonly main: string;
  readonly retry: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly deliver: (batch: FetchedBatch) => void;
}

const MAX_BATCH_BYTES = 1024 * 1024;

/**
 * The waiting room of one partition of a replay: what the queue's retry topic is to its workers, but in memory, and gone with the process. So a commit must
 * not pass what waits here.
 */
export class ReplayRoom {
  /** Main offsets of the jobs that wait. */
  readonly waiting = new Set<number>();
  readonly #options: RoomOptions;
  readonly #log: PartitionLog = createPartitionLog(() => undefined);
  #position = 0;
  #wanted = false;
  #scheduled = false;
  #closed = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  append(records: readonly OutgoingRecord[], nowMs: number): number {
    const { main, partition } = this.#options;
    const base = this.#log.append(records, nowMs);
    for (const record of this.#log.read(base, Infinity).records) {
      const read = readRetryRecord(record, main, partition, nowMs);
      if (read.type === 'wait') this.waiting.add(read.job.origin.offset);
      else if (read.type === 'tombstone' || read.type === 'void') this.waiting.delete(read.origin.offset);
    }
    this.#schedule();
    return base;
  }

  resume(offset: number): void {
    this.#position = offset;
    this.#wanted = true;
    this.#schedule();
  }

  pause(): void {
    this.#wanted = false;
  }

  close(): void {
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#options.clock.after(0, () => {
      this.#scheduled = false;
      while (this.#wanted && !this.#closed && this.#position < this.#log.endOffset()) this.#deliverNext();
    });
  }

  #deliverNext(): void {
    const { retry, partition, deliver } = this.#options;
    const { records, nextOffset } = this.#log.read(this.#position, MAX_BATCH_BYTES);
    this.#position = nextOffset;
    this.#log.deleteBefore(nextOffset);
    deliver({ topic: retry, partition, records, nextOffset, highWatermark: this.#log.endOffset() });
  }
}
