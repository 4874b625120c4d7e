import type { Job } from '../engine/job.ts';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import { classifyError, type ErrorPolicy } from '../jobs/classifyError.ts';
import { describeFailure } from '../jobs/describeFailure.ts';
import type { Outcome } from '../jobs/outcome.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { SlowStart } from './slowStart.ts';

/** Puts a result that is too long for an event somewhere, and gives back the reference by which it is found there. */
export type StoreResult = (job: { readonly id: string; readonly kind: string; readonly queue: string }, json: string) => Promise<string>;

export interface LateResultsOptions {
  readonly store: StoreResult;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** The attempt of the job ended. */
  readonly ended: (job: Job, outcome: Outcome | 'interrupted') => void;
  /** Others may have the slot of the job's attempt, which has not ended. */
  readonly freeSlot: (job: Job) => void;
}

interface Unstored {
  readonly job: Job;
  readonly queue: string;
  readonly json: string;
  readonly bytes: number;
  readonly errors: ErrorPolicy;
  /** It is among what waits without a slot. */
  waits: boolean;
  over: boolean;
  /** Monotonic ms since when what the store throws may be a defect as well as an outage; null: it is told to be none, or there was nothing. */
  doubtfulSinceMs: number | null;
}

/** A store that has not answered by then is away. */
const TRY_MS = 10_000;
const MOST_AT_ONCE = 16;
/** Errors that say nothing of themselves (a TypeError of the store's code, say) are borne for so long. */
const DOUBTFUL_FOR_MS = 3_600_000;
/** What may wait for the store without a slot; results beyond keep theirs, so that memory stays bounded. */
const MOST_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * Large results on their way to their store. Their handlers have ended; their attempts end when the result lies where it can be found, so the job is
 * not done before. While the store is away they give their slots back, and are put there with {@link SlowStart} for as long as it takes: the
 * handler has done its work, and would have to do it again. Only where the store's errors may be a defect for an hour on end is the job buried.
 */
export class LateResults {
  readonly #options: LateResultsOptions;
  readonly #unstored = new Map<Job, Unstored>();
  readonly #away: SlowStart<Unstored>;
  #waitingBytes = 0;
  #closed = false;

  constructor(options: LateResultsOptions) {
    this.#options = options;
    this.#away = new SlowStart({ clock: options.clock, random: options.random, mostAtOnce: MOST_AT_ONCE, attempt: (result) => this.#try(result) });
  }

  put(job: Job, queue: string, json: string, errors: ErrorPolicy): void {
    const result: Unstored = { job, queue, json, bytes: Buffer.byteLength(json), errors, waits: false, over: false, doubtfulSinceMs: null };
    this.#unstored.set(job, result);
    if (this.#away.busy) this.#wait(result, false);
    else void this.#try(result).then((isOver) => { if (!isOver) this.#wait(result, true); });
  }

  /** Gives up what is not stored: these attempts end as interrupted. */
  giveUpWhere(concerns: (job: Job) => boolean): void {
    for (const [job, result] of this.#unstored) if (concerns(job)) this.#end(result, 'interrupted');
  }

  close(): void {
    this.#closed = true;
    this.#away.close();
    this.#unstored.clear();
  }

  #wait(result: Unstored, tried: boolean): void {
    this.#away.add(result, tried);
    if (this.#waitingBytes + result.bytes > MOST_WAITING_BYTES) return;
    result.waits = true;
    this.#waitingBytes += result.bytes;
    this.#options.freeSlot(result.job);
  }

  /** Whether nothing is left to be done; an answer that comes after the time limit counts as well. */
  #try(result: Unstored): Promise<boolean> {
    const { store, clock } = this.#options;
    const { job, queue, json } = result;
    return new Promise((resolve) => {
      if (result.over) {
        resolve(true);
        return;
      }
      let inTime = true;
      const cancel = clock.after(TRY_MS, () => {
        inTime = false;
        resolve(this.#failed(result, new MillraceError('CLAIM_STORE_UNAVAILABLE', { at: `result of job ${job.id}`, expected: `an answer within ${TRY_MS} ms` })));
      });
      const stored = (reference: string): void => {
        cancel();
        this.#end(result, { type: 'done', result: JSON.stringify({ $claim: reference }) });
        resolve(true);
      };
      const failed = (error: unknown): void => {
        cancel();
        if (inTime) resolve(this.#failed(result, error));
      };
      try {
        store({ id: job.id, kind: job.kind, queue }, json).then(stored, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  #failed(result: Unstored, error: unknown): boolean {
    const { clock, logger } = this.#options;
    if (result.over || this.#closed) return true;
    const { job, queue, errors } = result;
    result.doubtfulSinceMs = isMillraceError(error) ? null : result.doubtfulSinceMs ?? clock.monotonic();
    const isHopeless = isMillraceError(error, 'BAD_RESULT') || (result.doubtfulSinceMs !== null && clock.monotonic() - result.doubtfulSinceMs >= DOUBTFUL_FOR_MS);
    const outcome: Outcome = isHopeless ? { type: 'dead', reason: 'permanent', failure: describeFailure(error, clock.now()) } : classifyError(error, errors, clock.now());
    if (outcome.type === 'dead') {
      this.#end(result, outcome);
      return true;
    }
    logger.warn({ jobId: job.id, queue, unstored: this.#unstored.size, err: error }, 'a large result cannot be stored yet; its job is done when it is');
    return false;
  }

  #end(result: Unstored, outcome: Outcome | 'interrupted'): void {
    if (result.over || this.#closed) return;
    result.over = true;
    this.#unstored.delete(result.job);
    this.#away.delete(result);
    if (result.waits) this.#waitingBytes -= result.bytes;
    this.#options.ended(result.job, outcome);
  }
}
