/** What a run is made of; two runs with equal options draw the same faults in the same order. */
export interface ChaosOptions {
  readonly seed: number;
  /** So long faults are begun; start, drain and check come on top. */
  readonly forMs: number;
  /** Names of faults; empty: all that this machine can make. */
  readonly faults: readonly string[];
  /** These, one after the other, instead of random ones. */
  readonly inTurn: readonly string[];
  /** No fault is held longer, whatever it asks for. */
  readonly longestHoldMs: number;
  readonly workers: number;
  readonly entities: number;
  readonly jobsPerSecond: number;
  readonly partitions: number;
  readonly sessionTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Rests between faults, from and to. */
  readonly restMs: readonly [number, number];
}

export const usualOptions: Omit<ChaosOptions, 'seed'> = {
  forMs: 10 * 60_000,
  faults: [],
  inTurn: [],
  longestHoldMs: Infinity,
  workers: 3,
  entities: 240,
  jobsPerSecond: 150,
  partitions: 6,
  sessionTimeoutMs: 10_000,
  drainTimeoutMs: 8000,
  restMs: [1500, 6000],
};
