import type { Place, Settings } from '../systems/system.ts';
import type { SystemName } from '../systems/systems.ts';

export interface IdlePlan {
  readonly system: SystemName;
  readonly places: readonly Place[];
  readonly settings: Settings;
}

export type IdleTold =
  | { readonly type: 'ready' }
  | { readonly type: 'started' }
  | { readonly type: 'figures'; readonly cpuSeconds: number; readonly seconds: number; readonly rssMb: number };
