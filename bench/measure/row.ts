/** Where and how much to measure. */
export interface BenchSetting {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly jobs: number;
  /** How often each contestant runs, in turns. */
  readonly runs: number;
  readonly say: (line: string) => void;
}

/** Median with the range of its runs. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One contestant's line of the table. */
export interface Row {
  readonly scenario: string;
  readonly contestant: string;
  readonly jobsPerSecond: Spread;
  /** Of the measured process. */
  readonly cpuMicrosPerJob: Spread | null;
  readonly peakRssMb: Spread | null;
  /** Median of this rate over another's, both of the same run. */
  readonly ratio: { readonly to: string; readonly value: Spread } | null;
  /** What was checked, and how it came out. */
  readonly check: string;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median: median ?? NaN, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}
