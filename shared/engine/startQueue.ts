import { Fifo } from './fifo.ts';
import { buryFaulty, buryUnbegun, lookAtUnknownKind } from './finish.ts';
import type { Job } from './job.ts';
import type { Lane } from './lane.ts';
import { settleBeforeStart } from './settle.ts';
import { runnableHead } from './wake.ts';

/** One job to run, or the jobs of one batch (one kind, one job per entity). */
export type Start = Job | readonly Job[];

interface Gathering {
  jobs: Job[];
  readonly sinceMs: number;
  readonly maxSize: number;
  readonly maxWaitMs: number;
}

/** Ready lanes in the order in which they became ready, the free slots, and the batches that are gathered. */
export class StartQueue {
  readonly #concurrency: number;
  readonly #claims: () => number;
  readonly #ready = new Fifo<Lane>();
  /** Ready lanes with an at-most-once job at their head, for which there is no claim now. */
  readonly #unclaimed = new Fifo<Lane>();
  readonly #gathering = new Map<string, Gathering>();
  #running = 0;

  /** @param claims how many at-most-once jobs are claimed, or being claimed, and not begun */
  constructor(concurrency: number, claims: () => number) {
    this.#concurrency = concurrency;
    this.#claims = claims;
  }

  push(lane: Lane): void {
    lane.ready = true;
    this.#ready.push(lane);
  }

  get running(): number {
    return this.#running;
  }

  /** Lanes that could begin their head now: slots are free. */
  get startable(): number {
    return this.#running < this.#concurrency ? this.#ready.length : 0;
  }

  get hungry(): boolean {
    return this.#running < this.#concurrency && this.#ready.length === 0 && this.#unclaimed.length === 0;
  }

  take(now: number): readonly Start[] {
    if (this.#ready.length === 0 && this.#gathering.size === 0 && this.#unclaimed.length === 0) return NOTHING;
    const starts: Start[] = [];
    while (this.#running < this.#concurrency) {
      const lane = (this.#unclaimed.length > 0 && this.#mayClaim ? this.#unclaimed : this.#ready).shift();
      if (lane === undefined) break;
      lane.ready = false;
      const job = runnableHead(lane.partition, lane);
      if (job === null) continue;
      const start = this.#begin(lane, job, now);
      if (start !== null) starts.push(start);
    }
    if (this.#gathering.size > 0) this.#takeDueBatches(starts, now);
    return starts;
  }

  /** Jobs wait for others to be claimed: what settles those shall not wait for a flush. */
  get claimsPress(): boolean {
    return this.#unclaimed.length > 0;
  }

  /** A kill loses what is claimed, and a stop has to run it: so no more is claimed ahead than can run at once. */
  get #mayClaim(): boolean {
    return this.#claims() < this.#concurrency;
  }

  #begin(lane: Lane, job: Job, now: number): Start | null {
    const partition = lane.partition;
    if (job.fault !== null) {
      buryFaulty(partition, job, job.fault, now);
      return null;
    }
    if (job.policy === null) {
      lookAtUnknownKind(partition, job, now);
      return null;
    }
    const isUnclaimed = job.policy.delivery === 'at-most-once' && !job.claimed;
    if (isUnclaimed && !this.#mayClaim) {
      lane.ready = true;
      this.#unclaimed.push(lane);
      return null;
    }
    if (job.claimed) partition.claims--;
    if (job.claimed && partition.overtime) {
      buryUnbegun(partition, job, now);
      return null;
    }
    lane.busy = job;
    if (isUnclaimed) {
      job.state = 'claiming';
      partition.claims++;
      settleBeforeStart(partition, job, now);
      return null;
    }
    job.state = 'running';
    job.startedMs = now;
    job.startTold = false;
    partition.running++;
    if (job.policy.batch !== null) return this.#gather(job, job.policy.batch, now);
    this.#running++;
    return job;
  }

  #gather(job: Job, batch: { readonly maxSize: number; readonly maxWaitMs: number }, now: number): Start | null {
    let gathering = this.#gathering.get(job.kind);
    if (gathering === undefined) {
      gathering = { jobs: [], sinceMs: now, maxSize: batch.maxSize, maxWaitMs: batch.maxWaitMs };
      this.#gathering.set(job.kind, gathering);
    }
    gathering.jobs.push(job);
    return gathering.jobs.length < gathering.maxSize ? null : this.#close(job.kind, gathering);
  }

  #takeDueBatches(starts: Start[], now: number): void {
    for (const [kind, gathering] of this.#gathering) {
      if (this.#running >= this.#concurrency) return;
      if (now - gathering.sinceMs < gathering.maxWaitMs) continue;
      starts.push(this.#close(kind, gathering));
    }
  }

  #close(kind: string, gathering: Gathering): readonly Job[] {
    this.#gathering.delete(kind);
    const batch = { remaining: gathering.jobs.length };
    for (const job of gathering.jobs) job.batch = batch;
    this.#running++;
    return gathering.jobs;
  }

  /** A slot is free again when a job, or the last of a batch, ended. */
  ended(job: Job): void {
    if (job.batch === null) {
      this.#running--;
      return;
    }
    if (--job.batch.remaining === 0) this.#running--;
    job.batch = null;
  }

  /** Takes the gathered, not yet started jobs of a partition back; it is about to be handed over. */
  ungather(owns: (job: Job) => boolean): Job[] {
    const taken: Job[] = [];
    for (const [kind, gathering] of this.#gathering) {
      const kept: Job[] = [];
      for (const job of gathering.jobs) (owns(job) ? taken : kept).push(job);
      gathering.jobs = kept;
      if (kept.length === 0) this.#gathering.delete(kind);
    }
    return taken;
  }

  /** When the next batch is to start though it is not full; null also while no slot is free, for then an end, not time, brings the start. */
  nextBatchMs(): number | null {
    if (this.#running >= this.#concurrency) return null;
    let next: number | null = null;
    for (const gathering of this.#gathering.values()) {
      const at = gathering.sinceMs + gathering.maxWaitMs;
      if (next === null || at < next) next = at;
    }
    return next;
  }
}

const NOTHING: readonly Start[] = [];
