import type { Fault } from '../fault.ts';
import { revive } from './brokerFaults.ts';
import type { ClusterStage } from './clusterStage.ts';
import { hold, nothingLeft } from './takeNodes.ts';

/** Faults of a broker's disk. They need one of its own (`ChaosCluster.disk`). */
export const diskFaults: readonly Fault<ClusterStage>[] = [
  {
    name: 'disk full',
    forMs: [3000, 12_000],
    async begin({ cluster }) {
      if (cluster.disk === null || cluster.afflicted.has(cluster.disk.nodeId)) return nothingLeft;
      const { nodeId, disk } = cluster.disk;
      const fault = hold(cluster, [nodeId], `disk of broker ${nodeId} full`, async () => {
        await disk.free();
        // A broker whose only log folder failed has halted, or is about to.
        await revive(cluster, nodeId);
      });
      await disk.fill();
      return fault;
    },
  },
];
