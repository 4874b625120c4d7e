/** What an airport's departures tell so far. Each is taken in once, in order: the smoothed delay and the streaks depend on it. */
export interface DelayStatistics {
  readonly departures: number;
  /** Minutes. */
  readonly mean: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
  /** Exponentially weighted moving average, minutes: what to expect of the next departure. */
  readonly smoothed: number;
  /** Late departures in a row, up to now. */
  readonly streak: number;
  readonly longestStreak: number;
}

/** Weight of the newest departure in the smoothed delay. */
export const SMOOTHING = 0.2;
/** A departure is late from so many minutes on, as the US Department of Transportation counts. */
export const LATE_FROM_MINUTES = 15;

export const NO_DEPARTURES: DelayStatistics = { departures: 0, mean: 0, squares: 0, smoothed: 0, streak: 0, longestStreak: 0 };

/** Takes in the next departure. Mean and squares by B. P. Welford (1962), which stays exact where sums of squares lose digits. */
export function takeIn(before: DelayStatistics, delay: number): DelayStatistics {
  const departures = before.departures + 1;
  const mean = before.mean + (delay - before.mean) / departures;
  const streak = delay >= LATE_FROM_MINUTES ? before.streak + 1 : 0;
  return {
    departures,
    mean,
    squares: before.squares + (delay - before.mean) * (delay - mean),
    smoothed: departures === 1 ? delay : before.smoothed + SMOOTHING * (delay - before.smoothed),
    streak,
    longestStreak: Math.max(before.longestStreak, streak),
  };
}
