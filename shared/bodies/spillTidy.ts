import type { Job } from '../engine/job.ts';
import type { SpillReads } from './spillReads.ts';
import type { SpillWrites } from './spillWrites.ts';

export interface SpillTidyOptions {
  readonly writes: SpillWrites;
  readonly reads: SpillReads;
  /** All jobs that wait. */
  readonly jobs: () => Iterable<Job>;
  /** The body lies in memory and is to be written anew: its place is given back. */
  readonly again: (job: Job) => void;
}

/** Less than this is not worth the trouble. */
const SMALLEST_BYTES = 256 * 1024 * 1024;
/** The disk may hold so many times what is wanted of it. */
const SLACK = 4;
/** Jobs looked at, and bytes moved, in one step. */
const LOOKED_AT = 10_000;
const MOVED_BYTES = 4 * 1024 * 1024;

/**
 * A body that is wanted for long keeps its segment, and with it thousands that are not: when the disk holds far more than is wanted, bodies are moved
 * to its end, a few at a time, so that the old segments are given back.
 */
export class SpillTidy {
  readonly #options: SpillTidyOptions;
  readonly #smallestBytes: number;
  #round: { readonly jobs: Iterator<Job>; readonly upTo: number } | null = null;
  #moving = false;

  constructor(options: SpillTidyOptions, smallestBytes = SMALLEST_BYTES) {
    this.#options = options;
    this.#smallestBytes = smallestBytes;
  }

  step(): void {
    if (this.#moving) return;
    const { writes, reads, jobs, again } = this.#options;
    if (this.#round === null) {
      const bytes = writes.store?.bytes ?? 0;
      if (bytes < this.#smallestBytes || bytes < SLACK * writes.liveBytes) return;
      this.#round = { jobs: jobs()[Symbol.iterator](), upTo: writes.lastPlace };
    }
    const moved = this.#look(this.#round);
    if (moved.length === 0) return;
    this.#moving = true;
    void reads.load(moved).then(() => {
      this.#moving = false;
      for (const job of moved) if (job.body !== null && job.diskPlace >= 0 && !job.isOpen) again(job);
    });
  }

  #look({ jobs, upTo }: { readonly jobs: Iterator<Job>; readonly upTo: number }): Job[] {
    const moved: Job[] = [];
    let bytes = 0;
    for (let looked = 0; looked < LOOKED_AT && bytes < MOVED_BYTES; looked++) {
      const next = jobs.next();
      if (next.done === true) {
        this.#round = null;
        break;
      }
      const job = next.value;
      if (job.diskPlace < 0 || job.diskPlace > upTo || job.isOpen) continue;
      moved.push(job);
      bytes += job.bodyBytes;
    }
    return moved;
  }
}
