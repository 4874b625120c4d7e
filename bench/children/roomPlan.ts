import type { Place, Settings } from '../systems/system.ts';

/** A millrace worker whose jobs all wait. */
export interface RoomPlan {
  readonly place: Place;
  readonly settings: Settings;
  readonly limits: Readonly<Record<string, number>>;
  /** Where values go that memory has no room for; null: nowhere. */
  readonly spillFolder: string | null;
}

export type RoomTold =
  | { readonly type: 'ready' }
  /** Partitions were assigned. */
  | { readonly type: 'assigned'; readonly atMs: number; readonly partitions: readonly number[] }
  /** A partition's waiting room is restored, with so many jobs. */
  | { readonly type: 'active'; readonly atMs: number; readonly partition: number; readonly waiting: number }
  | { readonly type: 'memory'; readonly peakRssMb: number; readonly rssMb: number; readonly heapMb: number; readonly cpuSeconds: number };
