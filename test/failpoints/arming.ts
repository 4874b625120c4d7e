import type { Armed } from './failpoint.ts';

/** What a process of the sweep is told, as JSON in `FAILPOINTS`. */
export interface Arming {
  /** JSON file: code by URL. */
  readonly codeFile: string;
  readonly armed: Armed | null;
  /** Gets a line when the process dies at its point. */
  readonly deathFile: string;
  /** Gets the visits when the process ends by itself; null: they are not counted. */
  readonly visitFile: string | null;
  /** Its connections to Kafka break now and then. */
  readonly shakyNetwork: boolean;
  /** A quarter of its requests to the registry fail. */
  readonly shakyRegistry: boolean;
}

/** What is in the visit file. */
export interface Visited {
  /** `phase point` and how often. */
  readonly visits: readonly (readonly [string, number])[];
  /** URLs of the modules that it loaded. */
  readonly files: readonly string[];
}

/** A line of the death file. */
export interface Death {
  readonly pid: number;
  readonly atMs: number;
  /** See `Failpoints.durableBeforeMs`. */
  readonly durableBeforeMs: number | null;
}
