import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import type { ClaimStore } from './claimStore.ts';

/** A queue's main topic keeps a job that nobody has read for so long. */
const LEAST = '14d';

/**
 * Removes the objects of days that are over for longer than `olderThan`. A job whose object is gone is buried: keep them for longer than the main
 * topic's retention and the longest wait together, and, to redrive the dead, for as long as the dead-letter topic keeps them (1 year).
 * @param least no shorter time is taken: a slip of the pen would take the payloads of living jobs
 * @returns how many were removed
 * @throws MillraceError BAD_DURATION, BAD_CONFIG, CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED
 */
export async function expireClaims(store: ClaimStore, olderThan: Duration, least: Duration = LEAST): Promise<number> {
  const olderThanMs = parseDuration(olderThan, 'olderThan');
  if (olderThanMs < parseDuration(least, 'least')) throw new MillraceError('BAD_CONFIG', { at: 'olderThan', expected: `at least ${least}`, got: olderThan });
  return store.expire(olderThanMs);
}
