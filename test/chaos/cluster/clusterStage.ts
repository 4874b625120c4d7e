import type { ChaosCluster } from './chaosCluster.ts';

/** What the cluster's faults reach. */
export interface ClusterStage {
  readonly cluster: ChaosCluster;
  /** The queue whose leaders are attacked: its main topic's name. */
  readonly queue: string;
  /** The consumer group whose coordinator is attacked. */
  readonly group: string;
}
