import type { Job } from '../engine/job.ts';
import type { SpillStore } from './spillStore.ts';

export interface SpillReadsOptions {
  readonly store: () => SpillStore | null;
  /** The job has got another body meanwhile, which is gathered to be written: it lies in the job then. */
  readonly surface: (job: Job) => boolean;
  /** Their bodies could not be read. */
  readonly lost: (jobs: readonly Job[]) => void;
}

interface Wish {
  readonly jobs: readonly Job[];
  readonly told: (whole: boolean) => void;
}

/** Bodies of jobs that have not begun; beyond it none is read before it is needed. */
const AHEAD_BYTES = 16 * 1024 * 1024;

/** Brings bodies back: what is asked for in one turn, or while a read is under way, is read in one go. */
export class SpillReads {
  readonly #options: SpillReadsOptions;
  #wishes: Wish[] = [];
  #busy = false;
  #aheadBytes = 0;

  constructor(options: SpillReadsOptions) {
    this.#options = options;
  }

  get mayReadAhead(): boolean {
    return this.#aheadBytes < AHEAD_BYTES;
  }

  /** Resolves when the bodies lie in their jobs; with false, when one is lost. Never rejects. */
  load(jobs: readonly Job[]): Promise<boolean> {
    return new Promise((told) => {
      this.#wishes.push({ jobs, told });
      if (this.#busy) return;
      this.#busy = true;
      queueMicrotask(() => { void this.#read(); });
    });
  }

  /** A body that is in the store, and in its job too. */
  holdAhead(job: Job): void {
    job.isAhead = true;
    this.#aheadBytes += job.bodyBytes;
  }

  /** It lies in the store; memory needs it no more. */
  letGo(job: Job): void {
    job.isAhead = false;
    this.#aheadBytes -= job.bodyBytes;
    if (job.diskPlace >= 0) job.body = null;
  }

  async #read(): Promise<void> {
    while (this.#wishes.length > 0) {
      const wishes = this.#wishes;
      this.#wishes = [];
      const jobs = [...new Set(wishes.flatMap((wish) => wish.jobs))].filter(({ body, diskPlace }) => body === null && diskPlace >= 0);
      const wanted = jobs.map((job) => ({ place: job.diskPlace, length: job.bodyBytes }));
      const bodies = await this.#options.store()?.read(wanted).catch(() => null) ?? [];
      const lost: Job[] = [];
      for (const [index, job] of jobs.entries()) {
        // It may have left, or have got another body, meanwhile.
        if (job.body !== null || job.diskPlace !== wanted[index]?.place) continue;
        const body = bodies[index] ?? null;
        if (body === null) {
          lost.push(job);
          continue;
        }
        job.body = body;
        this.holdAhead(job);
      }
      if (lost.length > 0) this.#options.lost(lost);
      for (const { jobs: wished, told } of wishes) told(wished.every((job) => job.isOpen || job.body !== null || this.#options.surface(job)));
    }
    this.#busy = false;
  }
}
