import type { PayloadSchema } from '../../schemas/payloadSchema.ts';
import type { Duration } from './duration.ts';
import type { ErrorMatcher } from './errorMatcher.ts';
import type { Handle, HandleBatch } from './jobDefinition.ts';
import type { LockChoice } from './jobEffects.ts';
import type { Order } from './policy.ts';

export interface BackoffOptions {
  /** Wait before the second attempt. @default "1s" */
  readonly first?: Duration;
  /** Each further wait is the one before times this; at least 1. @default 2 */
  readonly factor?: number;
  /** No wait is longer. @default "10m" */
  readonly max?: Duration;
  /** 0 to 1: the share of a wait that is random, so that jobs that failed together do not come back together. @default 0.5 */
  readonly jitter?: number;
}

export interface RetryOptions {
  /** How often the handler may run before the job is buried, the first run included. @default 10, and 1 for at-most-once */
  readonly attempts?: number;
  readonly backoff?: BackoffOptions;
}

export interface BatchOptions {
  /** A run gets at most so many jobs. */
  readonly maxSize: number;
  /** A run starts with fewer when the first of them has waited this long. @default "100ms" */
  readonly maxWait?: Duration;
}

/** A handler that runs in a process of its own, so that whatever it does to that process costs only its own attempt. */
export interface IsolatedOptions {
  /** The module that exports `handle(payload, context)`: `new URL('./render.ts', import.meta.url)`. */
  readonly handler: URL;
  /** What that process may take of memory in all, buffers and code included; at least 128. @default 512 */
  readonly maxMemoryMiB?: number;
}

/** The options that are compiled into the kind's policy. */
export interface PolicyOptions<K extends string = string> {
  /** Name of the job's type, for instance `order.charge`. Travels with every job: to rename it is to define another kind. */
  readonly kind: K;
  /** Name of the queue: topics `<queue>`, `<queue>.retry`, `<queue>.dlq`, `<queue>.events`. Several kinds may share one. */
  readonly queue: string;
  /** @default "strict" */
  readonly order?: Order;
  readonly retry?: RetryOptions;
  /** How long an attempt may take before its signal is aborted and it counts as failed; null: for ever. @default "1m" */
  readonly timeout?: Duration | null;
  /**
   * What happens to the entity's next jobs when one is buried: `continue` runs them, `hold` keeps them waiting until it is redriven
   * or discarded. @default "continue"
   */
  readonly whenBuried?: 'continue' | 'hold';
  /** `at-most-once`: the job's offset is committed before its only attempt, so it may be lost, but never repeated. A kill loses what runs, and at
   * most as many jobs as there are slots that were about to; a stop buries what it leaves no time to begin. @default "at-least-once" */
  readonly delivery?: 'at-least-once' | 'at-most-once';
  readonly batch?: BatchOptions | undefined;
}

interface PayloadOptions<P> {
  /** The payload's schema: a constant from `schemas/<subject>/payload.generated.ts`. */
  readonly schema: PayloadSchema<P>;
  /** The entity that a job is about: its jobs run one at a time. Null only with order `none`. */
  readonly key: ((payload: NoInfer<P>) => string) | null;
  /** Thrown errors that are always retried. Asked before `buryOn`: `buryOn: () => true` beside it makes an allow-list. */
  readonly retryOn?: ErrorMatcher | readonly ErrorMatcher[];
  /** Thrown errors that bury the job at once. What neither list picks is retried, unless marked permanent. */
  readonly buryOn?: ErrorMatcher | readonly ErrorMatcher[];
  /**
   * The lock that an attempt needs: of all jobs whose lock has one name, of whatever queues and processes with one database, one runs at a time. A job whose
   * lock is another's waits (reason `locked`) without a slot, and uses no attempt. Null for a payload: none. The lock is given back when the attempt ends; its token is in `ctx.lock`. Not
   * with batches, nor with at-most-once, whose only attempt must not wait. See docs/effects.md.
   */
  readonly lock?: (payload: NoInfer<P>) => LockChoice;
}

/** What {@link defineJob} takes: the options, and one of `handle`, `isolated`, and `batch` with `handleBatch`. */
export type JobOptions<K extends string, P> = PolicyOptions<K> & PayloadOptions<P> &
  (
    | { readonly handle: Handle<NoInfer<P>>; readonly isolated?: undefined; readonly batch?: undefined; readonly handleBatch?: undefined }
    | { readonly handle?: undefined; readonly isolated: IsolatedOptions; readonly batch?: undefined; readonly handleBatch?: undefined }
    | { readonly handle?: undefined; readonly isolated?: undefined; readonly batch: BatchOptions; readonly handleBatch: HandleBatch<NoInfer<P>> }
  );
