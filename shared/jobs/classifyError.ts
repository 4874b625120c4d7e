import { isMillraceError, type MillraceError } from '../errors/MillraceError.ts';
import { describeFailure } from './describeFailure.ts';
import { matchesError, type ErrorMatcher } from './errorMatcher.ts';
import type { Outcome } from './outcome.ts';
import { isPermanent } from './permanentError.ts';

/** Which thrown errors bury a job and which do not. `retryOn` is asked first, so `buryOn: () => true` with it makes an allow-list. */
export interface ErrorPolicy {
  readonly retryOn: readonly ErrorMatcher[];
  readonly buryOn: readonly ErrorMatcher[];
}

/**
 * What a thrown value says about its attempt: `retryOn` retries, `buryOn` buries, an error marked permanent buries, anything
 * else retries. Never throws, whatever was thrown.
 *
 * `aborted` is the reason of the attempt's signal, if it was aborted. After LEASE_LOST or SHUTDOWN the attempt is not held
 * against the job (a snooze of no length); after TIMEOUT and LOCK_LOST these are what failed, not the error that they provoked.
 */
export function classifyError(thrown: unknown, policy: ErrorPolicy, now: number, aborted: MillraceError | null = null): Outcome {
  const interruption = aborted ?? (isInterruption(thrown) ? thrown : null);
  if (interruption !== null && isInterruption(interruption)) return { type: 'snooze', forMs: 0 };
  const hindrance = aborted === null ? outcomeOfHindrance(thrown, now) : null;
  if (hindrance !== null) return hindrance;
  const error = aborted ?? thrown;
  const failure = describeFailure(error, now);
  const buried = !matchesError(policy.retryOn, error) && (matchesError(policy.buryOn, error) || isPermanent(error));
  return buried ? { type: 'dead', reason: 'permanent', failure } : { type: 'retry', afterMs: null, failure };
}

/** A former owner looks again after so long, should it be one by mistake. */
const LOOK_AGAIN_MS = 5000;

/** What kept the handler from its effects, and is not held against the job: a lock that is another's, a database that is away, a lease that is over. */
function outcomeOfHindrance(error: unknown, now: number): Outcome | null {
  try {
    if (!isMillraceError(error)) return null;
    const forMs = error.detail.retryAfterMs ?? LOOK_AGAIN_MS;
    if (error.code === 'LOCK_BUSY') return { type: 'snooze', forMs, reason: 'locked' };
    if (error.code === 'EFFECTS_UNAVAILABLE') return { type: 'snooze', forMs, reason: 'dependency-down', failure: describeFailure(error, now) };
    return error.code === 'FENCED' ? { type: 'snooze', forMs } : null;
  } catch {
    return null;
  }
}

function isInterruption(error: unknown): error is MillraceError {
  try {
    return isMillraceError(error, 'LEASE_LOST') || isMillraceError(error, 'SHUTDOWN');
  } catch {
    return false;
  }
}
