import type { Clock } from '../runtime/clock.ts';

/** Grants so many a second, evenly; what was not taken in time is not saved up. */
export interface Pacer {
  /** How many of `wanted` may go now. */
  take(wanted: number): number;
  /** Until one may go again, ms. */
  waitMs(): number;
}

/** So far ahead may somebody go who was held up. */
const BURST_MS = 100;

/** @param perSecond null: as many as wanted */
export function createPacer(perSecond: number | null, clock: Clock): Pacer {
  if (perSecond === null) return { take: (wanted) => wanted, waitMs: () => 0 };
  const eachMs = 1000 / perSecond;
  let nextMs = clock.monotonic();
  return {
    take(wanted) {
      const now = clock.monotonic();
      nextMs = Math.max(nextMs, now - BURST_MS);
      const granted = Math.min(wanted, Math.max(0, Math.floor((now - nextMs) / eachMs) + 1));
      nextMs += granted * eachMs;
      return granted;
    },
    waitMs: () => Math.max(1, nextMs - clock.monotonic()),
  };
}
