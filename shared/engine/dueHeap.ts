import type { Job } from './job.ts';

/** Binary min-heap of waiting jobs by due time; each job knows its index, so removal is O(log n) too. */
export class DueHeap {
  readonly #jobs: Job[] = [];

  get size(): number {
    return this.#jobs.length;
  }

  /** Due time of the earliest, or null. */
  get nextMs(): number | null {
    return this.#jobs[0]?.dueMs ?? null;
  }

  push(job: Job): void {
    if (job.heapIndex >= 0) this.remove(job);
    job.heapIndex = this.#jobs.length;
    this.#jobs.push(job);
    this.#up(job.heapIndex);
  }

  /** Takes the earliest that is due at `now`, or null. */
  popDue(now: number): Job | null {
    const first = this.#jobs[0];
    if (first === undefined || first.dueMs > now) return null;
    this.remove(first);
    return first;
  }

  /** At most `max` of those that are due by then, none of them taken out. */
  before(untilMs: number, max: number): Job[] {
    const found: Job[] = [];
    const open = [0];
    for (let index = open.pop(); index !== undefined && found.length < max; index = open.pop()) {
      const job = this.#jobs[index];
      if (job === undefined || job.dueMs > untilMs) continue;
      found.push(job);
      open.push(2 * index + 1, 2 * index + 2);
    }
    return found;
  }

  remove(job: Job): void {
    const index = job.heapIndex;
    if (index < 0) return;
    job.heapIndex = -1;
    const last = this.#jobs.pop() as Job;
    if (last === job) return;
    last.heapIndex = index;
    this.#jobs[index] = last;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  #up(from: number): void {
    const jobs = this.#jobs;
    const job = jobs[from] as Job;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = jobs[parentIndex] as Job;
      if (!(job.dueMs < parent.dueMs || (job.dueMs === parent.dueMs && job.offset < parent.offset))) break;
      jobs[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    jobs[index] = job;
    job.heapIndex = index;
  }

  #down(from: number): void {
    const jobs = this.#jobs;
    const job = jobs[from] as Job;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= jobs.length) break;
      const right = jobs[child + 1];
      let best = jobs[child] as Job;
      if (right !== undefined && (right.dueMs < best.dueMs || (right.dueMs === best.dueMs && right.offset < best.offset))) {
        best = right;
        child++;
      }
      if (!(best.dueMs < job.dueMs || (best.dueMs === job.dueMs && best.offset < job.offset))) break;
      jobs[index] = best;
      best.heapIndex = index;
      index = child;
    }
    jobs[index] = job;
    job.heapIndex = index;
  }
}
