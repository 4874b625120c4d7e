import { LONGEST_WAIT_MS } from '../jobs/duration.ts';
import type { BuryReason, Outcome } from '../jobs/outcome.ts';
import type { Backoff, JobPolicy } from '../jobs/policy.ts';
import type { WaitReason } from './job.ts';

/** What happens to a job after an attempt. */
export type Route =
  | { readonly type: 'complete' }
  | { readonly type: 'wait'; readonly untilMs: number; readonly reason: WaitReason; readonly usesAttempt: boolean }
  | { readonly type: 'bury'; readonly reason: BuryReason };

const COMPLETE: Route = { type: 'complete' };

/**
 * Decides a job's route from what its attempt said. Pure.
 * @param attempt number of the attempt that ended, from 1
 * @param now epoch ms
 * @param random in [0, 1), spreads the backoff
 */
export function decideRoute(outcome: Outcome, attempt: number, policy: JobPolicy, now: number, random: number): Route {
  switch (outcome.type) {
    case 'done':
      return COMPLETE;
    case 'dead':
      return { type: 'bury', reason: outcome.reason };
    case 'retry':
      if (attempt >= policy.attempts || policy.delivery === 'at-most-once') return { type: 'bury', reason: 'attempts' };
      return { type: 'wait', untilMs: dueIn(outcome.afterMs ?? backoffMs(policy.backoff, attempt, random), now), reason: 'retry', usesAttempt: true };
    case 'snooze':
      if (policy.delivery === 'at-most-once') return { type: 'bury', reason: 'attempts' };
      return { type: 'wait', untilMs: dueIn(outcome.forMs, now), reason: outcome.reason ?? 'snoozed', usesAttempt: false };
  }
}

/** Due times are whole milliseconds, and none lies beyond what a reader of the log accepts. */
function dueIn(waitMs: number, now: number): number {
  return now + Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS));
}

/** Wait after attempt number `attempt`: first × factor^(attempt−1), capped, then shortened by up to `jitter` of itself. */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  // Infinity times a first wait of 0 would be no number.
  const growth = Math.min(backoff.factor ** (attempt - 1), Number.MAX_VALUE);
  const full = Math.min(backoff.maxMs, backoff.firstMs * growth);
  return Math.round(full * (1 - backoff.jitter * random));
}

/** Waits of a job whose kind no handler here knows: a rolling deploy may bring one. */
const unknownKindBackoff: Backoff = { firstMs: 1000, factor: 2, maxMs: 30_000, jitter: 0.5 };

/**
 * Route of a job of unknown kind: it waits, and is buried when it has waited for `boundMs` since it was first seen.
 * @param tries how often it was looked at before
 */
export function routeUnknownKind(tries: number, firstSeenMs: number, boundMs: number, now: number, random: number): Route {
  if (now - firstSeenMs >= boundMs) return { type: 'bury', reason: 'unknown-kind' };
  const wait = Math.min(backoffMs(unknownKindBackoff, Math.min(tries, 10) + 1, random), Math.max(1, firstSeenMs + boundMs - now));
  return { type: 'wait', untilMs: now + wait, reason: 'unknown-kind', usesAttempt: false };
}
