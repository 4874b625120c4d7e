import { createReader, type Codec } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { ClaimFetches, FetchedClaim } from '../claims/claimFetches.ts';
import type { Engine } from '../engine/engine.ts';
import type { Job } from '../engine/job.ts';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Outcome } from '../jobs/outcome.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { claimV1 } from '../../schemas/millrace.Claim/payload.generated.ts';
import { decideClaimOutcome, isMissed } from './claimOutcome.ts';

export interface ClaimedJobsOptions {
  /** Null: this worker was given no store. */
  readonly fetches: ClaimFetches | null;
  readonly missingBoundMs: number;
  readonly codec: Pick<Codec, 'decode' | 'writerName'>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly engine: Pick<Engine<FetchedRecord>, 'park' | 'isToBegin'>;
  /** A parked job may begin again. */
  readonly unpark: (job: Job) => void;
  readonly ended: (job: Job, outcome: Outcome) => void;
}

/** Where the object of one job stands. */
interface Standing {
  fetched: FetchedClaim | null;
  failed: unknown;
  /** Monotonic ms since when its bytes are here. */
  readyMs: number;
  /** An attempt has them. */
  begun: boolean;
}

/** Bytes that no attempt has asked for in so long are given back when others want the room: a paused job would hold them for ever. */
const UNUSED_FOR_MS = 10_000;

/**
 * The jobs of one queue whose record holds a claim instead of a payload. The object is read when the attempt is about to begin: the waiting room
 * holds the claim alone. Meanwhile the job takes no slot. Other jobs never come here.
 */
export class ClaimedJobs {
  readonly #options: ClaimedJobsOptions;
  readonly #reader = createReader(claimV1);
  readonly #standings = new Map<Job, Standing>();
  /** Of at-most-once jobs, which wait in memory. */
  readonly #missedSinceMs = new WeakMap<Job, number>();
  readonly #unregister: () => void;

  constructor(options: ClaimedJobsOptions) {
    this.#options = options;
    this.#unregister = options.fetches?.onPressure(() => { this.#giveBackUnused(UNUSED_FOR_MS); }) ?? ((): void => undefined);
  }

  /** Whether a value that could not be read as its kind's payload is a claim. */
  isClaim(value: Buffer | null): boolean {
    return this.#options.codec.writerName(readSchemaId(value)) === claimV1.subject;
  }

  /** The bytes of the job's object; null: it was parked and begins again when they are here, or it ended. */
  take(job: Job): Buffer | null {
    const standing = this.#standings.get(job);
    if (standing === undefined) {
      this.#fetch(job);
      return null;
    }
    if (standing.fetched !== null) {
      standing.begun = true;
      return standing.fetched.bytes;
    }
    this.#standings.delete(job);
    this.#conclude(job, standing.failed);
    return null;
  }

  /** The attempt ended, or nobody will begin it. */
  release(job: Job): void {
    if (this.#standings.size === 0) return;
    this.#standings.get(job)?.fetched?.release();
    this.#standings.delete(job);
  }

  /** Partitions were given up: gives back what was read for their jobs. */
  sweep(): void {
    this.#giveBackUnused(Infinity);
  }

  close(): void {
    this.#unregister();
    for (const job of [...this.#standings.keys()]) this.release(job);
  }

  #fetch(job: Job): void {
    const { fetches, codec, clock, engine, unpark } = this.#options;
    let claim;
    try {
      if (fetches === null) throw new MillraceError('CLAIM_NO_STORE', { at: job.kind, fix: 'Give the worker the largePayloads of the producers (MILLRACE_CLAIMS_FOLDER or MILLRACE_CLAIMS_BUCKET)' });
      claim = codec.decode(job.value, this.#reader);
    } catch (error) {
      this.#conclude(job, error);
      return;
    }
    engine.park(job);
    const told = (standing: Pick<Standing, 'fetched' | 'failed'>): void => {
      if (engine.isToBegin(job)) this.#standings.set(job, { ...standing, readyMs: clock.monotonic(), begun: false });
      else standing.fetched?.release();
      unpark(job);
    };
    fetches.fetch(claim).then((fetched) => { told({ fetched, failed: null }); }, (failed: unknown) => { told({ fetched: null, failed }); });
  }

  #conclude(job: Job, error: unknown): void {
    const { fetches, missingBoundMs, clock, random, ended, engine, unpark } = this.#options;
    const now = clock.now();
    const missedSinceMs = (isMissed(job.failure) ? job.failure?.at : this.#missedSinceMs.get(job)) ?? now;
    const outcome = decideClaimOutcome(error, { missedSinceMs, missingBoundMs, awayForMs: fetches?.awayForMs ?? 0, now, random: random() });
    if (outcome.type !== 'snooze' || !job.claimed) {
      ended(job, outcome);
      return;
    }
    // At most once: it is settled already, so no record can wait for it.
    if (isMillraceError(error) && (error.code === 'CLAIM_MISSING' || error.code === 'CLAIM_NO_STORE')) this.#missedSinceMs.set(job, missedSinceMs);
    engine.park(job);
    clock.after(outcome.forMs, () => { unpark(job); });
  }

  #giveBackUnused(unusedForMs: number): void {
    const now = this.#options.clock.monotonic();
    for (const [job, { begun, readyMs }] of this.#standings) {
      // One that is gathered for a batch counts as running, and is about to begin.
      const isGathered = job.state === 'running' && job.lane.partition.phase === 'active';
      if (!begun && !isGathered && (now - readyMs >= unusedForMs || !this.#options.engine.isToBegin(job))) this.release(job);
    }
  }
}
