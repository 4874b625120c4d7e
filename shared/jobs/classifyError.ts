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
 * against the job (a snooze of no length); after TIMEOUT the timeout is what failed, not the error that it provoked.
 */
export function classifyError(thrown: unknown, policy: ErrorPolicy, now: number, aborted: MillraceError | null = null): Outcome {
  const interruption = aborted ?? (isInterruption(thrown) ? thrown : null);
  if (interruption !== null && isInterruption(interruption)) return { type: 'snooze', forMs: 0 };
  const error = aborted ?? thrown;
  const failure = describeFailure(error, now);
  const buried = !matchesError(policy.retryOn, error) && (matchesError(policy.buryOn, error) || isPermanent(error));
  return buried ? { type: 'dead', reason: 'permanent', failure } : { type: 'retry', afterMs: null, failure };
}

function isInterruption(error: unknown): error is MillraceError {
  try {
    return isMillraceError(error, 'LEASE_LOST') || isMillraceError(error, 'SHUTDOWN');
  } catch {
    return false;
  }
}
