import type { PayloadSchema } from '../../schemas/payloadSchema.ts';
import type { ErrorPolicy } from './classifyError.ts';
import type { BatchContext, BatchJob, JobContext } from './jobContext.ts';
import type { LockChoice } from './jobEffects.ts';
import type { Outcome } from './outcome.ts';
import type { JobPolicy } from './policy.ts';

/**
 * A function type whose parameters are compared both ways, as methods' are, so that a definition of one payload type may stand
 * in a list of definitions of any.
 */
type Bivariant<Arguments extends unknown[], Result> = { call(...args: Arguments): Result }['call'];

/** What a handler returns: nothing (done) or an {@link Outcome}. */
export type HandlerAnswer = Outcome | void;

/** Outcomes by job id, or one for each job in the order of the jobs. A job left out, or `undefined` for it, counts as failed. */
export type BatchAnswer = ReadonlyMap<string, Outcome | undefined> | readonly (Outcome | undefined)[];

export type Handle<P> = Bivariant<[payload: P, context: JobContext], Promise<HandlerAnswer> | HandlerAnswer>;
export type HandleBatch<P> = Bivariant<[jobs: readonly BatchJob<P>[], context: BatchContext], Promise<BatchAnswer> | BatchAnswer>;

/** Where the handler of an isolated kind is, and what its process may take. */
export interface Isolation {
  /** URL of the module that exports `handle`. */
  readonly handler: string;
  readonly maxMemoryBytes: number;
}

/** A job kind, checked and frozen; made by `defineJob`. `policy` is all that the engine knows of it. */
export interface JobDefinition<K extends string = string, P = unknown> {
  readonly kind: K;
  readonly queue: string;
  readonly schema: PayloadSchema<P>;
  /** The entity that a payload is about; null: none (order is `none`). */
  readonly key: Bivariant<[payload: P], string> | null;
  readonly policy: JobPolicy;
  readonly errors: ErrorPolicy;
  /** The lock that an attempt needs; null: none. */
  readonly lock: Bivariant<[payload: P], LockChoice> | null;
  /** Exactly one of `handle`, `isolated` and `handleBatch` is there; `handleBatch` goes with `policy.batch`. */
  readonly handle: Handle<P> | null;
  readonly isolated: Isolation | null;
  readonly handleBatch: HandleBatch<P> | null;
}

/** The payload type of a definition: `PayloadOf<typeof chargeOrder>`. */
export type PayloadOf<J> = J extends JobDefinition<string, infer P> ? P : never;
