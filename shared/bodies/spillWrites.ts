import type { Job } from '../engine/job.ts';
import type { Clock } from '../runtime/clock.ts';
import type { OpenSpill, SpillStore } from './spillStore.ts';

export interface SpillWritesOptions {
  /** Null: nothing is written. */
  readonly openSpill: OpenSpill | null;
  readonly clock: Clock;
  readonly failed: (error: Error, againMs: number) => void;
  /** They have their places. */
  readonly spilled: (jobs: readonly Job[]) => void;
}

/** Bodies of one write. */
const WRITE_BYTES = 1024 * 1024;
const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 60_000;

/**
 * Takes bodies to the store: one write under way, what gathers meanwhile is the next. While the store refuses, they stay in memory, which is bounded as
 * if there were no store, and it is tried again from time to time.
 */
export class SpillWrites {
  readonly #options: SpillWritesOptions;
  /** To be written, in the order of their coming; those that left meanwhile are not in it. */
  readonly #waiting = new Set<Job>();
  /** Being written, with the body that is. */
  readonly #travelling = new Map<Job, string>();
  #store: SpillStore | null = null;
  #busy = false;
  #failures = 0;
  #cancelRest: (() => void) | null = null;
  #stopped = false;
  #jobs = 0;
  #liveBytes = 0;
  #lastPlace = -1;

  constructor(options: SpillWritesOptions) {
    this.#options = options;
  }

  /** Null until something was to be written. */
  get store(): SpillStore | null {
    return this.#store;
  }

  /** Jobs whose body is in the store. */
  get jobs(): number {
    return this.#jobs;
  }

  /** Length of all bodies in the store that are wanted. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The place that was given last; later ones are higher. */
  get lastPlace(): number {
    return this.#lastPlace;
  }

  put(job: Job): void {
    if (this.#options.openSpill === null || this.#stopped) return;
    this.#waiting.add(job);
    this.#writeSoon();
  }

  /** The job's body is another's now, or wanted no more. */
  forget(job: Job): void {
    this.#waiting.delete(job);
    this.#travelling.delete(job);
  }

  free(job: Job): void {
    this.#store?.free({ place: job.diskPlace, length: job.bodyBytes });
    job.diskPlace = -1;
    this.#jobs--;
    this.#liveBytes -= job.bodyBytes;
  }

  /** Something is wrong with the store: nothing is written for a while. */
  rest(error: Error): void {
    if (this.#stopped) return;
    const againMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(this.#failures++, 10));
    this.#options.failed(error, againMs);
    this.#cancelRest?.();
    this.#cancelRest = this.#options.clock.after(againMs, () => {
      this.#cancelRest = null;
      this.#writeSoon();
    });
  }

  #writeSoon(): void {
    if (this.#busy || this.#cancelRest !== null || this.#waiting.size === 0 || this.#stopped) return;
    this.#busy = true;
    queueMicrotask(() => { void this.#write(); });
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.size > 0 && this.#cancelRest === null && !this.#stopped) {
        const jobs = this.#take();
        try {
          this.#store ??= await (this.#options.openSpill as OpenSpill)();
          this.#settle(jobs, await this.#store.write(jobs.map(({ body }) => body)));
          this.#failures = 0;
        } catch (error) {
          // They go first when it works again.
          const later = [...this.#waiting];
          this.#waiting.clear();
          for (const { job, body } of jobs) if (this.#travelling.get(job) === body) this.#waiting.add(job);
          for (const job of later) this.#waiting.add(job);
          this.rest(error as Error);
        }
        this.#travelling.clear();
      }
    } finally {
      this.#busy = false;
    }
    if (this.#stopped) await this.#store?.close();
  }

  #take(): { readonly job: Job; readonly body: string }[] {
    const jobs: { readonly job: Job; readonly body: string }[] = [];
    let bytes = 0;
    for (const job of this.#waiting) {
      if (jobs.length > 0 && bytes >= WRITE_BYTES) break;
      this.#waiting.delete(job);
      if (job.body === null || job.diskPlace >= 0) continue;
      bytes += job.body.length;
      jobs.push({ job, body: job.body });
      this.#travelling.set(job, job.body);
    }
    return jobs;
  }

  #settle(jobs: readonly { readonly job: Job; readonly body: string }[], places: readonly number[]): void {
    const spilled: Job[] = [];
    for (const [index, { job, body }] of jobs.entries()) {
      const place = places[index] as number;
      if (this.#travelling.get(job) === body) {
        job.diskPlace = place;
        this.#jobs++;
        this.#liveBytes += body.length;
        this.#lastPlace = Math.max(this.#lastPlace, place);
        spilled.push(job);
      } else this.#store?.free({ place, length: body.length });
    }
    if (spilled.length > 0) this.#options.spilled(spilled);
  }

  /** Gives the store back, after the write that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRest?.();
    this.#waiting.clear();
    this.#travelling.clear();
    if (!this.#busy) await this.#store?.close();
  }
}
