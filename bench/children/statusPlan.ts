import type { Place } from '../systems/system.ts';

export interface StatusPlan {
  readonly place: Place;
  readonly databaseUrl: string;
  /** How many will be done. */
  readonly jobs: number;
}

export type StatusTold =
  | { readonly type: 'ready' }
  /** Three numbers a job: partition, offset, and when it was first seen as done. */
  | { readonly type: 'seen'; readonly rows: Float64Array };
