import type { Armed, Phase } from './failpoint.ts';

/** What a process of the sweep is told, as JSON in `FAILPOINTS`; so are the processes and threads that it starts. */
export interface Arming {
  /** JSON file: code by URL. */
  readonly codeFile: string;
  readonly armed: Armed | null;
  /** Gets a line when the process, or one that it started, dies at its point; who comes second lives. */
  readonly deathFile: string;
  /** Gets the visits when the process ends by itself; null: they are not counted. Those of processes and threads that it starts get files beside it. */
  readonly visitFile: string | null;
  /** Each connection that it opens in its first 15 s breaks within a second. */
  readonly shakyNetwork: boolean;
  /** From this phase on no connection of its holds, and none is made; null, or left out: never. */
  readonly darkFrom?: Phase | null;
  /** A quarter of its requests to the registry fail. */
  readonly shakyRegistry: boolean;
  /** Its parent was told so. */
  readonly inherited?: boolean;
}

/** What is in the visit file. */
export interface Visited {
  /** `phase point` and how often. */
  readonly visits: readonly (readonly [string, number])[];
  /** URLs of the modules that it loaded. */
  readonly files: readonly string[];
}

/** The line of the death file. */
export interface Death {
  readonly pid: number;
  readonly atMs: number;
  /** See `Failpoints.durableBeforeMs`. */
  readonly durableBeforeMs: number | null;
}
