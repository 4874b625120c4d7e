import type { Fault } from '../fault.ts';
import type { ClusterStage } from './clusterStage.ts';

/** All that can be done to the brokers, their disks, and the network between them and their clients. */
export const clusterFaults: readonly Fault<ClusterStage>[] = [];

/** The menu for a cluster on this machine, and what it cannot offer. */
export function possibleFaults(stage: ClusterStage): { readonly faults: readonly Fault<ClusterStage>[]; readonly leftOut: readonly { readonly name: string; readonly why: string }[] } {
  const { disk, noDiskBecause } = stage.cluster;
  const why = noDiskBecause ?? 'there is no disk of its own';
  const possible = (fault: Fault<ClusterStage>): boolean => disk !== null || !fault.name.startsWith('disk');
  return { faults: clusterFaults.filter(possible), leftOut: clusterFaults.filter((fault) => !possible(fault)).map(({ name }) => ({ name, why })) };
}
