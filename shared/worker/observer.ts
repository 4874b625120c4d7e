import type { Notice } from '../engine/effects.ts';
import type { Failure } from '../jobs/failure.ts';
import type { BuryReason } from '../jobs/outcome.ts';
import type { Job } from '../engine/job.ts';
import type { EffectEnd } from './attemptEffects.ts';

/** How an attempt ended, for metrics. `interrupted`: cut off by a stop or a lost lease, and not counted. */
export type AttemptEnd = 'done' | 'retry' | 'snooze' | 'dead' | 'interrupted';

/** What a queue's runner tells the outside: logs and metrics hang on here. Calls are synchronous and must be cheap. */
export interface QueueObserver {
  attemptEnded(kind: string, end: AttemptEnd, durationMs: number): void;
  /** An attempt failed, and the job waits for its next one, until {@link dueMs} (epoch). Its failure is told by `job.failure`. */
  attemptFailed?(job: Job, dueMs: number): void;
  /** A job waits for something that it needs and does not have: its large payload, what its attempts need to begin. {@link failure} says what is missing. */
  jobWaits?(job: Job, failure: Failure): void;
  /** A `ctx.transaction`, or a step of `ctx.once`, ended otherwise than by an error. */
  effectEnded?(kind: string, end: EffectEnd): void;
  /** A job waits for a lock. */
  lockBusy?(kind: string): void;
  /** The disk takes no bodies of waiting jobs, or gave some back damaged; it is tried again after so long. */
  spillFailed?(error: Error, againMs: number): void;
  buried(job: Job, reason: BuryReason): void;
  /** The timeout passed, the signal was aborted, and the handler did not return: its lane goes on without it. */
  attemptAbandoned(job: Job): void;
  /** The process in which an isolated attempt ran ended before it; the attempt failed, and another process takes its place. */
  sandboxDied?(job: Job, error: Error): void;
  notice(partition: number, notice: Notice): void;
  commitFailed(code: string): void;
  schemaUnavailable(schemaId: number): void;
  partitionsAssigned(partitions: readonly number[]): void;
  partitionsLost(partitions: readonly number[]): void;
  trouble(error: Error): void;
}
