import type { Dice, FaultInForce } from '../fault.ts';
import { NODES, type ChaosCluster } from './chaosCluster.ts';

/** What a fault says that finds every broker in the hands of others. */
export const nothingLeft: FaultInForce = { what: 'every broker it could concern is in another fault already', missed: true, heal: () => Promise.resolve() };

/** Brokers that no fault has hold of. */
export function freeNodes(cluster: ChaosCluster): number[] {
  return NODES.filter((nodeId) => !cluster.afflicted.has(nodeId));
}

/** Some of the free brokers, at random. */
export function drawNodes(cluster: ChaosCluster, dice: Dice, count: number): number[] {
  const free = freeNodes(cluster);
  const drawn: number[] = [];
  while (drawn.length < count && free.length > 0) drawn.push(...free.splice(dice.between(0, free.length - 1), 1));
  return drawn;
}

/** Keeps the brokers for one fault until it is healed, however its end goes. */
export function hold(cluster: ChaosCluster, nodeIds: readonly number[], what: string, heal: () => Promise<unknown>): FaultInForce {
  for (const nodeId of nodeIds) cluster.afflicted.add(nodeId);
  return {
    what,
    async heal() {
      try {
        await heal();
      } finally {
        for (const nodeId of nodeIds) cluster.afflicted.delete(nodeId);
      }
    },
  };
}

export function named(nodeIds: readonly number[]): string {
  return nodeIds.length === NODES.length ? 'all brokers' : `broker${nodeIds.length > 1 ? 's' : ''} ${nodeIds.join(' and ')}`;
}
