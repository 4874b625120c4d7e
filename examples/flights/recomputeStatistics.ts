import { LATE_FROM_MINUTES, SMOOTHING, type DelayStatistics } from './delayStatistics.ts';

/**
 * The same statistics from the whole list of delays at once, by the textbook's formulas: the answer that the jobs, each of which saw
 * one departure only, must arrive at together. `delays` must not be empty.
 */
export function recomputeStatistics(delays: readonly number[]): DelayStatistics {
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  // The first value stands for all before it; the weight of the others falls by (1 - SMOOTHING) a step into the past.
  const smoothed = delays.reduce((sum, delay, i) => sum + delay * (i === 0 ? 1 : SMOOTHING) * (1 - SMOOTHING) ** (delays.length - 1 - i), 0);
  const streaks = delays.map((delay) => (delay >= LATE_FROM_MINUTES ? 'L' : '.')).join('').split('.').map((run) => run.length);
  return {
    departures: delays.length,
    mean,
    squares: delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0),
    smoothed,
    streak: streaks.at(-1) ?? 0,
    longestStreak: Math.max(...streaks),
  };
}

const TOLERANCE = 1e-9;

/** Whether both say the same, apart from the last digits, in which two ways of adding up may differ. */
export function sameStatistics(a: DelayStatistics, b: DelayStatistics): boolean {
  return (Object.keys(a) as (keyof DelayStatistics)[]).every((name) => Math.abs(a[name] - b[name]) <= TOLERANCE * Math.max(1, Math.abs(a[name])));
}
