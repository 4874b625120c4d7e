import type { Load } from '../jobs/load.ts';
import type { Place, Settings } from '../systems/system.ts';
import type { SystemName } from '../systems/systems.ts';

export interface WorkerPlan {
  readonly system: SystemName;
  readonly place: Place;
  readonly load: Load;
  readonly settings: Settings;
  /** It counts as begun when a handler of each entity has been called: where partitions open one after the other, then all of them are open. */
  readonly beginsWithAll?: boolean;
  /** Starts and ends are written there at once, in case it is killed: see `check/killedLog.ts`. */
  readonly logFile?: string;
}

export type WorkerTold =
  /** All is loaded; it connects and starts at the word `go`. */
  | { readonly type: 'ready' }
  | { readonly type: 'started' }
  /** Its first handler was called; or the first of the last entity. */
  | { readonly type: 'first'; readonly atMs: number }
  /** Jobs that it has ended, or given up, so far. */
  | { readonly type: 'count'; readonly ended: number }
  | { readonly type: 'figures'; readonly rows: Float64Array; readonly cpuSeconds: number; readonly peakRssMb: number; readonly recorded: Float64Array };
