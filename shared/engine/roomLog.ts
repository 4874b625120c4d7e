import type { CommandRecord, PauseRecord, RoomWrite } from './effects.ts';
import type { LogPoint } from './commitMetadata.ts';
import { Fifo } from './fifo.ts';
import { LoggedThings } from './loggedThings.ts';

/** What keeps the retry frontier from moving on: a waiting job, a mark or a command, as long as `logOffset` is the record's. */
export interface LoggedThing {
  logOffset: number;
  logEpoch: number;
  logSeq: number;
}

export interface PendingCommand extends LoggedThing {
  readonly record: CommandRecord | PauseRecord;
  /** Its effect is written or under way; it stands until the answer is read back. */
  applied: boolean;
}

/** An owner's epoch is one above the last. Compaction may hide a few leases from a reader; who leaps farther is no owner. */
const LARGEST_LEAP = 1000;
/** The largest epoch that is believed where none is known. It leaves room above for all the owners to come. */
const LARGEST_FIRST = 2 ** 40;

/**
 * The reader's side of a retry partition: which lease epoch is in force, up to which sequence of it, which of our writes
 * were read back, and from where a successor has to read.
 *
 * Validity: a record counts when its epoch is the one in force and its sequence is above all earlier ones of that epoch.
 * A lower epoch is a zombie's word; a repeated or lower sequence is a doubled or late write of the same owner. An epoch far above the one
 * in force is a forger's: were it believed, all that owners write from then on would count for nothing.
 */
export class RoomLog {
  /** Where the next fetch continues. */
  position: number;
  epoch: number;
  seq: number;
  /** Who holds the epoch in force; null when its lease lies before what we read. */
  holder: string | null = null;
  /** Writes of this reign that were sent and not read back yet, in order of their sequence. */
  readonly unconfirmed = new Fifo<RoomWrite>();
  /** Next sequence to be written in our own epoch. */
  nextSeq = 1;
  readonly #live = new LoggedThings();
  #liveCount = 0;

  /** The epoch at our position is not known: the first that is read is believed. */
  #anyEpoch: boolean;

  /** @param point what is in force at the position; null: not known, for a commit was lost, or records were deleted unread */
  constructor(position: number, point: LogPoint | null) {
    this.position = position;
    this.epoch = point?.epoch ?? 0;
    this.seq = point?.seq ?? 0;
    this.#anyEpoch = point === null && position > 0;
  }

  judge(record: { readonly epoch: number; readonly seq: number }): 'valid' | 'zombie' | 'stale' {
    if (record.epoch < this.epoch || this.#leaps(record.epoch)) return 'zombie';
    if (record.epoch === this.epoch && record.seq <= this.seq) return 'stale';
    // A higher epoch without its lease: compaction, or somebody by hand, has removed that; its word still stands.
    this.epoch = record.epoch;
    this.seq = record.seq;
    this.#anyEpoch = false;
    return 'valid';
  }

  #leaps(epoch: number): boolean {
    return epoch > (this.#anyEpoch ? LARGEST_FIRST : this.epoch + LARGEST_LEAP);
  }

  /** @returns whether the lease governs from here on; of two leases with one epoch the first wins. */
  lease(epoch: number, holder: string): boolean {
    if (epoch <= this.epoch || this.#leaps(epoch)) return false;
    this.#anyEpoch = false;
    this.epoch = epoch;
    this.seq = 0;
    this.holder = holder;
    return true;
  }

  /** `thing`'s record at `offset` is now the one that counts. */
  note(thing: LoggedThing, offset: number, epoch: number, seq: number): void {
    if (thing.logOffset < 0) this.#liveCount++;
    thing.logOffset = offset;
    thing.logEpoch = epoch;
    thing.logSeq = seq;
    this.#live.push(offset, thing);
  }

  forget(thing: LoggedThing): void {
    if (thing.logOffset >= 0) this.#liveCount--;
    thing.logOffset = -1;
  }

  get liveCount(): number {
    return this.#liveCount;
  }

  /** The oldest thing whose record still counts. */
  oldest(): LoggedThing | undefined {
    return this.#live.first();
  }

  /** All whose record still counts, oldest record first. */
  oldestFirst(): Iterable<LoggedThing> {
    return this.#live.oldest();
  }

  /** From where a successor must read, with the epoch and sequence in force just before (rule 3). */
  frontier(): { readonly offset: number; readonly point: LogPoint } {
    const oldest = this.oldest();
    if (oldest === undefined) return { offset: this.position, point: { epoch: this.epoch, seq: this.seq } };
    return { offset: oldest.logOffset, point: { epoch: oldest.logEpoch, seq: oldest.logSeq - 1 } };
  }
}
