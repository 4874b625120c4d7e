import type { Check } from '../check/judge.ts';
import type { ServerName } from '../servers/server.ts';
import type { Bench } from './bench.ts';

/** What came of one measurement of one contestant. */
export interface Sample {
  /** By the scenario's columns; null: this contestant has none. */
  readonly figures: Readonly<Record<string, number | null>>;
  readonly check: Check;
}

/** One row: measured once in each round, by turns with the others. */
export interface Contestant {
  readonly name: string;
  readonly needs: readonly ServerName[];
  /** Printed under the table: what was set, and what an ack is worth. */
  readonly settings: string;
  readonly durability: string;
  readonly versions: string;
  /** The contestant whose figure is divided by this one's. Default: the scenario's subject. Null: none. */
  readonly against?: string | null;
  measure(bench: Bench): Promise<Sample>;
}

export interface Column {
  readonly key: string;
  readonly title: string;
  /** Digits behind the point. Default 0. */
  readonly digits?: number;
}

/** What the figures ought to reach, held against the medians of this run. */
export interface Goal {
  readonly text: string;
  readonly column: string;
  readonly contestant: string;
  /** The subject's figure is divided by this one's, of each round; of several, by the best of these. Left out: the figure itself counts. */
  readonly over?: readonly string[];
  /** How the best is told. Default `higher`. */
  readonly better?: 'higher' | 'lower';
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** How much is measured: `full` for figures, `quick` for a look, `smoke` to see that everything runs. */
export type Size = 'full' | 'quick' | 'smoke';

export interface Scenario {
  readonly name: string;
  readonly measures: string;
  readonly columns: readonly Column[];
  /** Who is compared with the others, and by which column. */
  readonly subject: string;
  readonly compared: string;
  contestants(size: Size): Promise<readonly Contestant[]> | readonly Contestant[];
  readonly goals?: readonly Goal[];
  /** Who takes part in a smoke: enough to run all of the scenario's code. Left out: everybody. */
  readonly smoke?: readonly string[];
  /** What has to be known to read the figures. */
  readonly notes: readonly string[];
  /** About how long one round takes with all peers, s. */
  readonly seconds: Readonly<Record<Size, number>>;
}

/** The number for a size. */
export function pick<T>(size: Size, full: T, quick: T, smoke: T): T {
  return size === 'full' ? full : size === 'quick' ? quick : smoke;
}
