import { createHash } from 'node:crypto';
import type { Flight } from './data.ts';

/** The share of jobs that fail before they succeed. */
export const FAILING_SHARE = 0.05;
/** Such a job fails on its first one, two or three attempts. */
export const MAX_FAILURES = 3;

/**
 * On how many attempts a flight's job fails before it succeeds; 0 for most. A hash of the flight decides, not chance: every run, and
 * whoever checks it, finds the same flights failing the same number of times.
 */
export function plannedFailures({ date, origin, destination, distance }: Omit<Flight, 'delay'>): number {
  const hash = createHash('sha256').update([date, origin, destination, distance].join('|')).digest();
  if (hash.readUInt32BE(0) / 2 ** 32 >= FAILING_SHARE) return 0;
  return 1 + (hash.readUInt32BE(4) % MAX_FAILURES);
}
