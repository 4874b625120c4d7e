import type { Fault } from '../fault.ts';
import { brokerFaults } from './brokerFaults.ts';
import type { ClusterStage } from './clusterStage.ts';
import { diskFaults } from './diskFaults.ts';
import { networkFaults } from './networkFaults.ts';

/** All that can be done to the brokers, their disks, and the network between them and their clients. */
export const clusterFaults: readonly Fault<ClusterStage>[] = [...brokerFaults, ...networkFaults, ...diskFaults];

/** The menu for a cluster on this machine, and what it cannot offer. */
export function possibleFaults(stage: ClusterStage): { readonly faults: readonly Fault<ClusterStage>[]; readonly leftOut: readonly { readonly name: string; readonly why: string }[] } {
  if (stage.cluster.disk !== null) return { faults: clusterFaults, leftOut: [] };
  const why = stage.cluster.noDiskBecause ?? 'no broker has a disk of its own';
  return { faults: [...brokerFaults, ...networkFaults], leftOut: diskFaults.map(({ name }) => ({ name, why })) };
}
