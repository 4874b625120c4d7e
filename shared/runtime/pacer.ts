import type { Clock } from './clock.ts';

/** Grants so many a second, evenly; what was not taken in time is not saved up. */
export interface Pacer {
  /** How many of `wanted` may go now. */
  take(wanted: number): number;
  /** Until one may go again, ms. */
  waitMs(): number;
}

/** So far ahead may somebody go who was held up. */
const BURST_MS = 100;

/** Whether a pacer can keep it: a number above zero, of which a pause can be made. */
export function isRate(perSecond: unknown): perSecond is number {
  return typeof perSecond === 'number' && perSecond > 0 && Number.isFinite(perSecond) && Number.isFinite(1000 / perSecond);
}

/** @param perSecond a rate, see {@link isRate}; null: as many as wanted */
export function createPacer(perSecond: number | null, clock: Pick<Clock, 'monotonic'>): Pacer {
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
