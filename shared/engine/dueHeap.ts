import type { Job } from './job.ts';

/** Jobs of a piece: 2 to this power. */
const PIECE_SHIFT = 10;
const IN_PIECE = 2 ** PIECE_SHIFT - 1;

/**
 * Binary min-heap of waiting jobs by due time; each job knows its index, so removal is O(log n) too. In pieces: an array of a million would be copied, and
 * take its memory twice, whenever it grows.
 */
export class DueHeap {
  readonly #pieces: Job[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Due time of the earliest, or null. */
  get nextMs(): number | null {
    return this.#size === 0 ? null : this.#at(0).dueMs;
  }

  push(job: Job): void {
    if (job.heapIndex >= 0) this.remove(job);
    const index = this.#size++;
    if ((index & IN_PIECE) === 0) this.#pieces.push([job]);
    else (this.#pieces[index >> PIECE_SHIFT] as Job[]).push(job);
    this.#up(job, index);
  }

  /** Takes the earliest that is due at `now`, or null. */
  popDue(now: number): Job | null {
    if (this.#size === 0) return null;
    const first = this.#at(0);
    if (first.dueMs > now) return null;
    this.remove(first);
    return first;
  }

  /** At most `max` of those that are due by then, none of them taken out. */
  before(untilMs: number, max: number): Job[] {
    const found: Job[] = [];
    const open = [0];
    for (let index = open.pop(); index !== undefined && found.length < max; index = open.pop()) {
      if (index >= this.#size) continue;
      const job = this.#at(index);
      if (job.dueMs > untilMs) continue;
      found.push(job);
      open.push(2 * index + 1, 2 * index + 2);
    }
    return found;
  }

  remove(job: Job): void {
    const index = job.heapIndex;
    if (index < 0) return;
    job.heapIndex = -1;
    const last = this.#takeLast();
    if (last === job) return;
    this.#up(last, index);
    this.#down(last, last.heapIndex);
  }

  #at(index: number): Job {
    return (this.#pieces[index >> PIECE_SHIFT] as Job[])[index & IN_PIECE] as Job;
  }

  #put(index: number, job: Job): void {
    (this.#pieces[index >> PIECE_SHIFT] as Job[])[index & IN_PIECE] = job;
    job.heapIndex = index;
  }

  #takeLast(): Job {
    const index = --this.#size;
    const last = (this.#pieces[index >> PIECE_SHIFT] as Job[]).pop() as Job;
    if ((index & IN_PIECE) === 0) this.#pieces.pop();
    return last;
  }

  /** Puts the job at the place, or above it. */
  #up(job: Job, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#at(parentIndex);
      if (!isBefore(job, parent)) break;
      this.#put(index, parent);
      index = parentIndex;
    }
    this.#put(index, job);
  }

  /** Puts the job at the place, or below it. */
  #down(job: Job, from: number): void {
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#size) break;
      let best = this.#at(child);
      if (child + 1 < this.#size) {
        const right = this.#at(child + 1);
        if (isBefore(right, best)) {
          best = right;
          child++;
        }
      }
      if (!isBefore(best, job)) break;
      this.#put(index, best);
      index = child;
    }
    this.#put(index, job);
  }
}

function isBefore(one: Job, other: Job): boolean {
  const [oneMs, otherMs] = [one.dueMs, other.dueMs];
  return oneMs < otherMs || (oneMs === otherMs && one.offset < other.offset);
}
