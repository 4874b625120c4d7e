/** `strict`: entity order even through retries. `relaxed`: one at a time per entity, but a waiting job is overtaken. `none`: no order. */
export type Order = 'strict' | 'relaxed' | 'none';

export interface Backoff {
  /** Wait before the second attempt. */
  readonly firstMs: number;
  /** Each further wait is the one before times this. At least 1. */
  readonly factor: number;
  readonly maxMs: number;
  /** 0..1: share of the wait that is random; the wait lies in [wait × (1 − jitter), wait]. */
  readonly jitter: number;
}

/** A job definition's rules, compiled: units fixed, defaults filled. The engine knows a kind by this alone. */
export interface JobPolicy {
  readonly kind: string;
  readonly queue: string;
  readonly order: Order;
  /** How often the handler may run before the job is buried. At least 1. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** Null: no limit. */
  readonly timeoutMs: number | null;
  /** `continue`: the next job of the entity runs. `hold`: the lane stays closed until the head is redriven or discarded. */
  readonly whenBuried: 'continue' | 'hold';
  readonly delivery: 'at-least-once' | 'at-most-once';
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number } | null;
}
