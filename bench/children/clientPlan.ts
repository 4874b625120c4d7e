import type { Load } from '../jobs/load.ts';
import type { Place, Settings } from '../systems/system.ts';
import type { SystemName } from '../systems/systems.ts';

/** How the jobs are enqueued. */
export type ClientMode =
  /** By calls for many, of the size and number that suit the system. */
  | { readonly type: 'bulk'; readonly slice?: number; readonly parallel?: number }
  /** One by one, each awaited, so many at once. */
  | { readonly type: 'singles'; readonly concurrency: number }
  /** An open loop: each job is sent at its time, however the earlier ones fare. */
  | { readonly type: 'paced'; readonly perSecond: number };

export interface ClientPlan {
  readonly system: SystemName;
  readonly place: Place;
  readonly load: Load;
  readonly settings: Settings;
  readonly mode: ClientMode;
}

export type ClientTold =
  /** Connected; it begins at the word `go`. */
  | { readonly type: 'ready' }
  | {
    readonly type: 'figures';
    readonly seconds: number;
    readonly cpuSeconds: number;
    /** By sequence: when it was to be sent, and when the server had it, ms of the machine's clock. Empty for `bulk`. */
    readonly intendedMs: Float64Array;
    readonly ackedMs: Float64Array;
    /** By sequence, two numbers: partition and offset, where the system tells them. */
    readonly places: Float64Array;
  };
