import type { Job } from './job.ts';

/**
 * Tracks which delivered offsets of a main partition are settled. Offsets are noted in the order of their delivery and need
 * not be contiguous (control records and compaction leave gaps). Slots number the delivered offsets of one reign from 0.
 *
 * The ring reaches from the *committed* frontier, not only from the first unsettled offset: what is settled but not yet
 * committed may still be repeated by a successor, and the engine must know the difference.
 */
export class Frontier {
  #offsets: Float64Array;
  /** Number of the commit that carries the settlement; 0 = unsettled. */
  #settledIn: Float64Array;
  #jobs: (Job | null)[];
  #mask: number;
  /** Slots [base, end) are in the ring; [base, first) are settled. */
  #base = 0;
  #first = 0;
  #end = 0;
  /** Where the next fetch of the main topic continues. */
  position: number;

  constructor(position: number, capacity = 1024) {
    const size = 2 ** Math.ceil(Math.log2(capacity));
    this.#offsets = new Float64Array(size);
    this.#settledIn = new Float64Array(size);
    this.#jobs = new Array<Job | null>(size).fill(null);
    this.#mask = size - 1;
    this.position = position;
  }

  /** Notes the delivery of an offset; returns its slot. */
  add(offset: number, job: Job | null): number {
    if (this.#end - this.#base > this.#mask) this.#grow();
    const slot = this.#end++;
    const index = slot & this.#mask;
    this.#offsets[index] = offset;
    this.#settledIn[index] = 0;
    this.#jobs[index] = job;
    return slot;
  }

  isSettled(slot: number): boolean {
    return slot < this.#first || this.#settledIn[slot & this.#mask] !== 0;
  }

  /** @param commit number of the commit that will carry it, or that of a durable one where something else proves it (a tombstone); the lowest counts */
  settle(slot: number, commit: number): void {
    if (slot < this.#base) return;
    const index = slot & this.#mask;
    const known = this.#settledIn[index] as number;
    if (known !== 0) {
      if (commit < known) this.#settledIn[index] = commit;
      return;
    }
    this.#settledIn[index] = commit;
    this.#jobs[index] = null;
    while (this.#first < this.#end && this.#settledIn[this.#first & this.#mask] !== 0) this.#first++;
  }

  /** The first offset that is not settled: what a commit may say now. */
  get offset(): number {
    return this.#first < this.#end ? (this.#offsets[this.#first & this.#mask] as number) : this.position;
  }

  /** First slot not settled. */
  get firstSlot(): number {
    return this.#first;
  }

  get endSlot(): number {
    return this.#end;
  }

  jobAt(slot: number): Job | null {
    return slot < this.#base || slot >= this.#end ? null : (this.#jobs[slot & this.#mask] as Job | null);
  }

  /** A commit of `offset` is durable: forgets what lies below it. */
  forgetBelow(offset: number): void {
    while (this.#base < this.#first && (this.#offsets[this.#base & this.#mask] as number) < offset) this.#base++;
  }

  /** Slot of a delivered offset at or above the committed frontier; −1 if it is not there. */
  slotOf(offset: number): number {
    let low = this.#base;
    let high = this.#end - 1;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const at = this.#offsets[middle & this.#mask] as number;
      if (at === offset) return middle;
      if (at < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** Number of the commit that carries a slot's settlement; 0 = unsettled. */
  settledIn(slot: number): number {
    return slot < this.#base ? 1 : (this.#settledIn[slot & this.#mask] as number);
  }

  /** Settled offsets above the first unsettled one, ascending. */
  settledAbove(visit: (offset: number) => void): void {
    for (let slot = this.#first; slot < this.#end; slot++) {
      if (this.#settledIn[slot & this.#mask] !== 0) visit(this.#offsets[slot & this.#mask] as number);
    }
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const offsets = new Float64Array(size);
    const settledIn = new Float64Array(size);
    const jobs = new Array<Job | null>(size).fill(null);
    for (let slot = this.#base; slot < this.#end; slot++) {
      offsets[slot & (size - 1)] = this.#offsets[slot & this.#mask] as number;
      settledIn[slot & (size - 1)] = this.#settledIn[slot & this.#mask] as number;
      jobs[slot & (size - 1)] = this.#jobs[slot & this.#mask] as Job | null;
    }
    this.#offsets = offsets;
    this.#settledIn = settledIn;
    this.#jobs = jobs;
    this.#mask = size - 1;
  }
}
