import type { OutgoingRecord } from '../../port.ts';
import { recordBytes } from '../recordBatch/encode.ts';

/** One call of `send` that waits or travels. */
export interface Letter {
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
  /** Monotonic ms; after it the call is given up. */
  readonly deadlineMs: number;
  /** The call has its answer: what is left of it must not be sent, or a rejected call would be in the log without its beginning. */
  isOver(): boolean;
  resolve(result: { baseOffset: number }): void;
  reject(error: Error): void;
}

/** The identity that makes appends idempotent: a producer id, and the next sequence number for this partition. */
export interface Identity { readonly producerId: bigint; readonly producerEpoch: number }

/** A record batch as it was first sent. It keeps bytes and sequence through every retry. */
export interface Parcel {
  readonly letters: readonly Letter[];
  readonly batch: Buffer;
  readonly records: number;
  /** Whether a transmission of it may have reached the broker. */
  sent: boolean;
  attempts: number;
}

/** What waits for one topic-partition, in order. At most one parcel of it travels at a time. */
export class Outbox {
  readonly topic: string;
  readonly partition: number;
  readonly waiting: Letter[] = [];
  parcel: Parcel | null = null;
  travelling = false;
  identity: Identity | null = null;
  nextSequence = 0;
  notBeforeMs = 0;
  /** Letters are sent one by one until this many have been decided: one of a refused parcel is guilty. */
  alone = 0;
  /** Parcels stay below this. */
  #maxBytes: number;
  /** The limit to keep from now on, should nobody turn out guilty of a parcel that was too large. */
  #suspectedMaxBytes: number | null = null;

  constructor(topic: string, partition: number, maxBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.#maxBytes = maxBytes;
  }

  get idle(): boolean {
    return this.parcel === null && this.waiting.length === 0;
  }

  /** About what the next parcel will weigh. */
  get nextBytes(): number {
    if (this.parcel !== null) return this.parcel.batch.length;
    let bytes = 0;
    for (const letter of this.waiting) if ((bytes += letter.bytes) >= this.#maxBytes) break;
    return bytes;
  }

  /** Takes the next letters for one parcel: as many as fit, at least one. */
  takeLetters(): Letter[] {
    let bytes = 0;
    let count = 0;
    for (const letter of this.waiting) {
      if (count > 0 && (this.alone > 0 || bytes + letter.bytes > this.#maxBytes)) break;
      bytes += letter.bytes;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  /** The parcel was appended. */
  delivered(parcel: Parcel): void {
    this.parcel = null;
    this.nextSequence = (this.nextSequence + parcel.records) % 2 ** 31;
    this.notBeforeMs = 0;
    this.#decided(true);
  }

  /** The parcel is given up. @param fateKnown nothing of it was or will be appended */
  givenUp(parcel: Parcel, fateKnown: boolean): void {
    this.parcel = null;
    // Its sequence numbers may be used up or not: never again under this producer id.
    if (parcel.sent && !fateKnown) this.identity = null;
    this.#decided(false);
  }

  /** Takes out what is left of calls that were rejected. */
  dropRejected(): void {
    const { alone, waiting } = this;
    let kept = 0;
    for (const [index, letter] of waiting.entries()) {
      if (!letter.isOver()) waiting[kept++] = letter;
      else if (index < alone) this.alone -= 1;
    }
    waiting.length = kept;
  }

  #decided(delivered: boolean): void {
    if (this.alone === 0) return;
    this.alone -= 1;
    if (!delivered) this.#suspectedMaxBytes = null;
    else if (this.alone === 0 && this.#suspectedMaxBytes !== null) {
      this.#maxBytes = this.#suspectedMaxBytes;
      this.#suspectedMaxBytes = null;
    }
  }

  /** Puts back what a refused parcel held, to be sent again in smaller pieces. @param tooLarge whether its size was the reason */
  splitUp(parcel: Parcel, tooLarge: boolean): void {
    const [only] = parcel.letters;
    const letters = parcel.letters.length === 1 && only !== undefined ? halve(only) : parcel.letters;
    this.waiting.unshift(...letters);
    this.alone += letters.length - (this.alone > 0 ? 1 : 0);
    if (tooLarge && parcel.letters.length > 1) this.#suspectedMaxBytes = Math.max(SMALLEST_PARCEL_BYTES, parcel.batch.length / 2);
    this.parcel = null;
  }

  /** Puts the parcel's letters back, to be packed again under a new identity. */
  repack(parcel: Parcel): void {
    this.waiting.unshift(...parcel.letters);
    this.parcel = null;
    this.identity = null;
  }
}

const SMALLEST_PARCEL_BYTES = 16_384;

export function letterBytes(records: readonly OutgoingRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += recordBytes(record);
  return bytes;
}

/** Cuts a call's records into letters that fit a parcel; the call ends when all of them have. */
export function writeLetters(whole: Letter, maxBytes: number): Letter[] {
  if (whole.bytes <= maxBytes || whole.records.length <= 1) return [whole];
  return halve(whole).flatMap((half) => writeLetters(half, maxBytes));
}

/** Two letters for one; the first offset is the answer, the first failure the rejection. */
function halve(whole: Letter): Letter[] {
  const middle = Math.ceil(whole.records.length / 2);
  let first: number | null = null;
  let missing = 2;
  let rejected = false;
  return [whole.records.slice(0, middle), whole.records.slice(middle)].map((records, index) => ({
    records,
    bytes: letterBytes(records),
    deadlineMs: whole.deadlineMs,
    isOver: () => rejected || whole.isOver(),
    resolve({ baseOffset }) {
      if (index === 0) first = baseOffset;
      missing -= 1;
      if (missing === 0) whole.resolve({ baseOffset: first ?? baseOffset });
    },
    reject(error) {
      rejected = true;
      whole.reject(error);
    },
  }));
}
