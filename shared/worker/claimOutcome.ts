import { isMillraceError } from '../errors/MillraceError.ts';
import { makeFailure, type Failure } from '../jobs/failure.ts';
import type { Outcome } from '../jobs/outcome.ts';

export interface ClaimCircumstances {
  /** Since when the job's object is missed, epoch ms; now, if it was not before. */
  readonly missedSinceMs: number;
  readonly missingBoundMs: number;
  /** Since when the store does not answer, as ms from now. */
  readonly awayForMs: number;
  /** Epoch ms. */
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Codes of failures whose time tells since when an object is missed. */
export function isMissed(failure: Failure | null): boolean {
  return failure?.code === 'CLAIM_MISSING' || failure?.code === 'CLAIM_NO_STORE';
}

const FIRST_WAIT_MS = 1000;
const LONGEST_MISSING_WAIT_MS = 30_000;
const LONGEST_AWAY_WAIT_MS = 20_000;

/**
 * What becomes of a job whose large payload could not be read. Pure. An outage, credentials that the store refuses, and a worker that was given no
 * store are for somebody to mend: the job waits (without a store: as if its object were missing). A missing object may still be on its way: the
 * job waits for it within a bound. Waits double with the time that has passed.
 */
export function decideClaimOutcome(error: unknown, { missedSinceMs, missingBoundMs, awayForMs, now, random }: ClaimCircumstances): Outcome {
  const code = isMillraceError(error) ? error.code : 'UNKNOWN';
  const failure = makeFailure({ code, name: 'Claim', message: error instanceof Error ? error.message : String(error), at: now });
  const wait = (passedMs: number, longestMs: number): number => Math.min(longestMs, Math.max(FIRST_WAIT_MS, passedMs)) * (0.5 + 0.5 * random);
  switch (code) {
    case 'CLAIM_STORE_UNAVAILABLE':
    case 'CLAIM_STORE_REFUSED':
      return { type: 'snooze', forMs: wait(awayForMs, LONGEST_AWAY_WAIT_MS), reason: 'dependency-down', failure };
    case 'CLAIM_MISSING':
    case 'CLAIM_NO_STORE': {
      const leftMs = missedSinceMs + missingBoundMs - now;
      if (leftMs <= 0) return { type: 'dead', reason: 'claim-missing', failure };
      return { type: 'snooze', forMs: Math.min(leftMs, wait(now - missedSinceMs, LONGEST_MISSING_WAIT_MS)), reason: 'claim-missing', failure: { ...failure, at: missedSinceMs } };
    }
    case 'CLAIM_MISMATCH':
      return { type: 'dead', reason: 'claim-mismatch', failure };
    default:
      return { type: 'dead', reason: 'undecodable', failure };
  }
}
