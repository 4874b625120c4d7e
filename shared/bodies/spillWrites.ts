import type { Job } from '../engine/job.ts';
import type { Clock } from '../runtime/clock.ts';
import type { PackedBody } from './packBody.ts';
import { HEAD_BYTES, SpillBatch } from './spillBatch.ts';
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
/** Beyond so many batches that wait for the disk, bodies stay strings. */
const MOST_LOADS = 64;
/** Buffers that are kept for the next batches. */
const SPARE_BUFFERS = 2;
const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 60_000;

/** A batch, and whose bodies are in it; null: that one is wanted no more. */
interface Load {
  readonly number: number;
  readonly batch: SpillBatch;
  readonly jobs: (Job | null)[];
}

/*
 * Where a body lies that is in a batch, as a place: below those on disk, and below −1, which is nowhere. A body takes five bytes of a batch at least, so
 * there are fewer than 2^20 of them, and the whole is a small number.
 */
const LOAD_NUMBERS = 1024;
const PLACES_PER_LOAD = 2 ** 20;

function gatheredAt({ number }: Load, index: number): number {
  return -2 - number * PLACES_PER_LOAD - index;
}

/**
 * Takes bodies to the store: one write under way, what gathers meanwhile is the next. While the store refuses, they stay in memory, which is bounded as
 * if there were no store, and it is tried again from time to time.
 */
export class SpillWrites {
  readonly #options: SpillWritesOptions;
  /** To be written, in the order of their coming, their bodies in them; those that left meanwhile are not in it. */
  readonly #waiting = new Set<Job>();
  /** Batches to be written, by number, in order. */
  readonly #loads = new Map<number, Load>();
  /** The one that others may join; null: the next begins one. */
  #open: Load | null = null;
  #loadNumber = 0;
  readonly #spare: Buffer[] = [];
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

  /**
   * Takes a body that is wanted not before it is written, as far as anybody knows: it is never made a string. @returns false: the job is to keep it, and
   * {@link put} takes it
   */
  gather(job: Job, body: PackedBody): boolean {
    if (this.#options.openSpill === null || this.#stopped || this.#cancelRest !== null || body.length > WRITE_BYTES - HEAD_BYTES) return false;
    if (this.#open?.batch.fits(body.length) !== true) {
      if (this.#loads.size >= MOST_LOADS) return false;
      this.#open = this.#begin(WRITE_BYTES);
    }
    body.copyTo(this.#open.batch.bytes, add(this.#open, job, body.length));
    this.#writeSoon();
    return true;
  }

  /** A body that was gathered is wanted now: it lies in its job, too. @returns false: it was not */
  surface(job: Job): boolean {
    const load = this.#loadOf(job);
    if (load === null) return false;
    job.body ??= load.batch.textOf(indexIn(job));
    return true;
  }

  /** The job's body is another's now, or wanted no more. */
  forget(job: Job): void {
    this.#waiting.delete(job);
    const load = this.#loadOf(job);
    if (load === null) return;
    load.jobs[indexIn(job)] = null;
    job.diskPlace = -1;
  }

  #loadOf(job: Job): Load | null {
    return job.diskPlace >= -1 ? null : this.#loads.get(Math.floor((-2 - job.diskPlace) / PLACES_PER_LOAD)) ?? null;
  }

  #begin(bytes: number): Load {
    while (this.#loads.has(this.#loadNumber)) this.#loadNumber = (this.#loadNumber + 1) % LOAD_NUMBERS;
    const load: Load = { number: this.#loadNumber, batch: new SpillBatch((bytes === WRITE_BYTES ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)), jobs: [] };
    this.#loads.set(load.number, load);
    return load;
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
    if (this.#busy || this.#cancelRest !== null || (this.#waiting.size === 0 && this.#loads.size === 0) || this.#stopped) return;
    this.#busy = true;
    queueMicrotask(() => { void this.#write(); });
  }

  async #write(): Promise<void> {
    try {
      while (this.#cancelRest === null && !this.#stopped) {
        const load = this.#take();
        if (load === null) break;
        try {
          this.#store ??= await (this.#options.openSpill as OpenSpill)();
          this.#settle(load, await this.#store.write(load.batch));
          this.#failures = 0;
        } catch (error) {
          this.#takeBack();
          this.rest(error as Error);
        }
      }
    } finally {
      this.#busy = false;
    }
    if (this.#stopped) await this.#store?.close();
  }

  /** The next batch. What waits with its body in memory goes first; nothing joins a batch that is taken. */
  #take(): Load | null {
    const load = this.#waiting.size > 0 ? this.#takeWaiting() : null;
    if (load !== null) return load;
    for (const next of this.#loads.values()) {
      if (next === this.#open) this.#open = null;
      if (next.jobs.some((job) => job !== null)) return next;
      this.#end(next);
    }
    return null;
  }

  #takeWaiting(): Load | null {
    let load: Load | null = null;
    for (const job of this.#waiting) {
      const { body } = job;
      if (body === null || job.diskPlace !== -1) {
        this.#waiting.delete(job);
        continue;
      }
      load ??= this.#begin(Math.max(WRITE_BYTES, body.length + HEAD_BYTES));
      if (!load.batch.fits(body.length)) break;
      this.#waiting.delete(job);
      load.batch.bytes.write(body, add(load, job, body.length), 'latin1');
    }
    return load;
  }

  /** The store takes nothing now: bodies lie in their jobs again, and wait. Those that were under way go first when it works again. */
  #takeBack(): void {
    const later = [...this.#waiting];
    this.#waiting.clear();
    for (const load of [...this.#loads.values()]) {
      for (const [index, job] of load.jobs.entries()) {
        if (job === null) continue;
        job.body ??= load.batch.textOf(index);
        job.diskPlace = -1;
        this.#waiting.add(job);
      }
      this.#end(load);
    }
    for (const job of later) this.#waiting.add(job);
  }

  #end(load: Load): void {
    this.#loads.delete(load.number);
    if (load === this.#open) this.#open = null;
    const { bytes } = load.batch;
    if (bytes.length === WRITE_BYTES && this.#spare.length < SPARE_BUFFERS) this.#spare.push(bytes);
  }

  #settle(load: Load, places: readonly number[]): void {
    const spilled: Job[] = [];
    const { batch, jobs } = load;
    for (let index = 0; index < jobs.length; index++) {
      const job = jobs[index] as Job | null;
      const [place, length] = [places[index] as number, batch.lengthOf(index)];
      if (job === null) {
        this.#store?.free({ place, length });
        continue;
      }
      job.diskPlace = place;
      this.#jobs++;
      this.#liveBytes += length;
      this.#lastPlace = Math.max(this.#lastPlace, place);
      spilled.push(job);
    }
    this.#end(load);
    if (spilled.length > 0) this.#options.spilled(spilled);
  }

  /** Gives the store back, after the write that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRest?.();
    this.#waiting.clear();
    for (const { jobs } of this.#loads.values()) jobs.fill(null);
    this.#loads.clear();
    this.#open = null;
    if (!this.#busy) await this.#store?.close();
  }
}

/** @returns where its body goes in the batch */
function add(load: Load, job: Job, length: number): number {
  job.diskPlace = gatheredAt(load, load.jobs.length);
  load.jobs.push(job);
  return load.batch.add(length);
}

function indexIn(job: Job): number {
  return (-2 - job.diskPlace) % PLACES_PER_LOAD;
}
