import type { Fleet } from './fleet.ts';

/** What the workers' faults reach. */
export interface WorkerStage {
  readonly fleet: Fleet;
}
