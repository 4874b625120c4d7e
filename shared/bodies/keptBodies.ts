import type { Engine } from '../engine/engine.ts';
import type { MainRecord } from '../engine/engineOptions.ts';
import type { Job } from '../engine/job.ts';
import type { Partition } from '../engine/partition.ts';
import type { Start } from '../engine/startQueue.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { CarriedHeaders } from '../kafka/packedHeaders.ts';
import type { Clock } from '../runtime/clock.ts';
import { bodyOf, isAway } from './bodyOf.ts';
import { packBody, unpackBody } from './packBody.ts';
import { SpillReads } from './spillReads.ts';
import { SpillTidy } from './spillTidy.ts';
import { SpillWrites } from './spillWrites.ts';
import type { OpenSpill } from './spillStore.ts';

export interface KeptBodiesOptions {
  /** Null: all bodies stay in memory. */
  readonly openSpill: OpenSpill | null;
  /** Bodies of waiting jobs beyond so many bytes go to the store. */
  readonly spillOverBytes: number;
  /** The store is tidied when it takes so much, and far more than is wanted of it. Default 256 MiB. */
  readonly tidyFromBytes?: number | undefined;
  readonly clock: Clock;
  /** The disk takes no bodies, or gave none back; it is tried again after so long. */
  readonly failed: (error: Error, againMs: number) => void;
  /** Memory is free again: intake may go on. */
  readonly freed: () => void;
  /** Bodies of the partition are lost here: it must begin anew from Kafka. */
  readonly lost: (partition: Partition) => void;
}

/** What a waiting job takes in memory beyond its body, roughly; the bounds count it. */
const WAITING_JOB_BYTES = 512;
/** Bodies are read this long before their jobs are due. */
const AHEAD_MS = 250;
const AHEAD_JOBS = 2000;
/** Of the jobs behind one that is read, so many are read with it. */
const FOLLOWERS = 15;

/**
 * The bodies (values and headers) of one queue's waiting jobs: packed in memory, and, beyond a bound, in a store on disk. The engine decides without
 * them; an attempt and a publication ask for them when they need them. Disk is asked for many at once, ahead of time where that is known.
 */
export class KeptBodies {
  readonly #options: KeptBodiesOptions;
  readonly #writes: SpillWrites;
  readonly #reads: SpillReads;
  readonly #tidy: SpillTidy;
  #engine: Engine<MainRecord> | null = null;
  #memoryBytes = 0;

  constructor(options: KeptBodiesOptions) {
    const { openSpill, clock, failed } = options;
    this.#options = options;
    this.#writes = new SpillWrites({ openSpill, clock, failed, spilled: (jobs) => { this.#spilled(jobs); } });
    this.#reads = new SpillReads({ store: () => this.#writes.store, surface: (job) => this.#writes.surface(job), lost: (jobs) => { this.#lost(jobs); } });
    this.#tidy = new SpillTidy({ writes: this.#writes, reads: this.#reads, jobs: () => this.#waiting(), again: (job) => { this.#writeAgain(job); } }, options.tidyFromBytes);
  }

  /** The engine whose jobs they are, which is made with this. */
  serve<R extends MainRecord>(engine: Engine<R>): void {
    this.#engine = engine as unknown as Engine<MainRecord>;
  }

  // ---- for the engine ----

  /** The job will stay long: its body is packed, and it holds no bytes of others any more. Called again when it got another body. */
  readonly retain = (job: Job): void => {
    if (job.bodyBytes > 0) this.release(job);
    const packed = packBody({ value: job.value, headers: job.headers as CarriedHeaders }, job);
    job.body = null;
    job.bodyBytes = packed.length;
    job.wireBytes = packed.wireBytes + 2 * (job.keyText?.length ?? 0);
    job.bytes = job.bodyBytes + WAITING_JOB_BYTES;
    this.#memoryBytes += job.bytes;
    close(job);
    const { partition } = job.lane;
    // A job that is settled before it starts leaves the room, and needs its body still.
    const spills = this.#isPressed(partition) && job.policy?.delivery !== 'at-most-once';
    // What is restored is wanted later; what enters the room is about to be published.
    if (spills && partition.phase !== 'active' && this.#writes.gather(job, packed)) return;
    job.body = packed.text();
    // Its handler may look at them.
    if (job.state === 'running') open(job);
    if (spills) this.#writes.put(job);
  };

  /** A partition's own bound may be the nearer one: at half of it there is time still. */
  #isPressed({ roomBytes, host: { limits } }: Partition): boolean {
    return this.#memoryBytes > this.#options.spillOverBytes || roomBytes > limits.roomBytes / 2;
  }

  /** The job waits no more, or is another worker's. */
  readonly release = (job: Job): void => {
    if (job.bodyBytes === 0) return;
    this.#writes.forget(job);
    if (job.diskPlace < 0) this.#memoryBytes -= job.bytes;
    else this.#writes.free(job);
    if (job.isAhead) this.#reads.letGo(job);
  };

  /** Whether this is the job's value, as far as can be told at once. */
  readonly hasValue = (job: Job, value: Buffer | null): boolean => {
    if (isAway(job)) return false;
    const own = bodyOf(job).value;
    return own === null || value === null ? own === value : own.equals(value);
  };

  #spilled(jobs: readonly Job[]): void {
    for (const job of jobs) {
      this.#memoryBytes -= job.bytes;
      this.#engine?.resized(job, 0);
      if (!job.isOpen) job.body = null;
      else this.#reads.holdAhead(job);
    }
    this.#options.freed();
  }

  *#waiting(): Iterable<Job> {
    for (const partition of this.#engine?.partitions.values() ?? []) yield* partition.room.values();
  }

  #writeAgain(job: Job): void {
    this.#writes.free(job);
    if (job.isAhead) this.#reads.letGo(job);
    this.#engine?.resized(job, job.bodyBytes + WAITING_JOB_BYTES);
    this.#memoryBytes += job.bytes;
    this.#writes.put(job);
  }

  /** They stand in Kafka: their partitions read them there again. */
  #lost(jobs: readonly Job[]): void {
    const partitions = new Set(jobs.map(({ lane }) => lane.partition));
    this.#writes.rest(new MillraceError('SPILL_LOST', { got: `${jobs.length} bodies that are not there, or damaged`, fix: 'They are read from Kafka again' }));
    for (const partition of partitions) this.#options.lost(partition);
  }

  // ---- for attempts and publications ----

  /** Has its body to be read? One that is gathered to be written is at hand. */
  readonly #isAway = (job: Job): boolean => isAway(job) && !this.#writes.surface(job);

  /** Makes value and headers of all that start lie in their jobs. @returns false: some have to be read; `begin` is called when they are here, or `gone` */
  open(start: Start, begin: () => void, gone: () => void): boolean {
    if (!('id' in start)) return this.#openAll(start, begin, gone);
    if (start.isOpen) return true;
    if (this.#isAway(start)) return this.#openAll([start], begin, gone);
    open(start);
    return true;
  }

  #openAll(jobs: readonly Job[], begin: () => void, gone: () => void): boolean {
    const away = jobs.filter(this.#isAway);
    if (away.length === 0) {
      for (const job of jobs) open(job);
      return true;
    }
    for (const job of away) this.#readFollowers(job);
    void this.#reads.load(away).then((whole) => {
      if (!whole) gone();
      // One that was needed elsewhere may have been let go meanwhile.
      else if (this.#openAll(jobs, begin, gone)) begin();
    });
    return false;
  }

  /** The attempt has ended: what it needed of the job is packed again. */
  close(job: Job): void {
    if (job.bodyBytes === 0 || !job.isOpen) return;
    close(job);
    if (job.isAhead) this.#reads.letGo(job);
  }

  /** Null: all of them are in memory, until the next turn. Else resolves when they were brought, with false when some are lost: ask again. {@link letGo} ends it. */
  fetch(jobs: readonly Job[]): Promise<boolean> | null {
    const away = jobs.filter(this.#isAway);
    return away.length === 0 ? null : this.#reads.load(away);
  }

  letGo(jobs: readonly Job[]): void {
    for (const job of jobs) if (job.isAhead && !job.isOpen) this.#reads.letGo(job);
  }

  /** To be called from time to time: reads, in one go, the bodies of jobs that are due soon, and tidies the store. */
  turn(): void {
    if (this.#writes.jobs === 0 || this.#engine === null) return;
    this.#tidy.step();
    if (!this.#reads.mayReadAhead) return;
    const soon = this.#engine.dueBefore(this.#options.clock.now() + AHEAD_MS, AHEAD_JOBS).filter(isOnDisk);
    if (soon.length > 0) void this.#reads.load(soon);
  }

  #readFollowers(job: Job): void {
    if (!this.#reads.mayReadAhead) return;
    const next: Job[] = [];
    for (let follower = job.next; follower !== null && next.length < FOLLOWERS; follower = follower.next) if (isOnDisk(follower)) next.push(follower);
    if (next.length > 0) void this.#reads.load(next);
  }

  // ---- for people ----

  /** Jobs whose body is on disk, and what the store takes there. */
  get spilled(): { readonly jobs: number; readonly bytes: number } {
    return { jobs: this.#writes.jobs, bytes: this.#writes.store?.bytes ?? 0 };
  }

  async stop(): Promise<void> {
    await this.#writes.stop();
  }
}

function isOnDisk(job: Job): boolean {
  return isAway(job) && job.diskPlace >= 0;
}

function open(job: Job): void {
  if (job.isOpen || job.body === null) return;
  const { value, headers } = unpackBody(job.body, job);
  job.value = value;
  job.headers = headers;
  job.isOpen = true;
}

function close(job: Job): void {
  job.value = null;
  job.headers = undefined;
  job.isOpen = false;
}
