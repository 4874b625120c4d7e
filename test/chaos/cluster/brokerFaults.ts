import type { Dice, Fault, FaultInForce } from '../fault.ts';
import type { ChaosCluster } from './chaosCluster.ts';
import type { ClusterStage } from './clusterStage.ts';
import { findCoordinator, findLeader, untilInSync } from './findRoles.ts';
import { drawNodes, freeNodes, hold, named, nothingLeft } from './takeNodes.ts';

const RESTARTS = 3;
const IN_SYNC_WITHIN_MS = 20_000;

/** Faults of the broker processes. */
export const brokerFaults: readonly Fault<ClusterStage>[] = [
  {
    name: 'broker killed',
    forMs: [1000, 10_000],
    begin: ({ cluster }, dice) => kill(cluster, drawNodes(cluster, dice, 1), ''),
  },
  {
    name: 'broker frozen',
    forMs: [5000, 15_000],
    begin: ({ cluster }, dice) => Promise.resolve(freeze(cluster, drawNodes(cluster, dice, 1), '')),
  },
  {
    name: 'leader lost',
    forMs: [2000, 12_000],
    async begin({ cluster, queue }, dice) {
      const leader = await findLeader(cluster, queue);
      if (leader === null || cluster.afflicted.has(leader.nodeId)) return nothingLeft;
      return lose(cluster, leader.nodeId, dice, `, leader of ${leader.partitions} partitions of ${queue}`);
    },
  },
  {
    name: 'coordinator lost',
    forMs: [2000, 12_000],
    async begin({ cluster, group }, dice) {
      const coordinator = await findCoordinator(cluster, group);
      if (coordinator === null || cluster.afflicted.has(coordinator)) return nothingLeft;
      return lose(cluster, coordinator, dice, `, coordinator of ${group}`);
    },
  },
  {
    name: 'rolling restart',
    forMs: [0, 10_000],
    begin: ({ cluster }) => Promise.resolve(roll(cluster)),
  },
  {
    name: 'two of three brokers down',
    forMs: [2000, 12_000],
    begin: ({ cluster }, dice) => kill(cluster, drawNodes(cluster, dice, 2), ''),
  },
];

function lose(cluster: ChaosCluster, nodeId: number, dice: Dice, role: string): Promise<FaultInForce> | FaultInForce {
  return dice.next() < 0.5 ? kill(cluster, [nodeId], role) : freeze(cluster, [nodeId], role);
}

async function kill(cluster: ChaosCluster, nodeIds: readonly number[], role: string): Promise<FaultInForce> {
  if (nodeIds.length === 0) return nothingLeft;
  const fault = hold(cluster, nodeIds, `SIGKILL of ${named(nodeIds)}${role}`, () => Promise.all(nodeIds.map((nodeId) => revive(cluster, nodeId))));
  await Promise.all(nodeIds.map((nodeId) => cluster.kafka.node(nodeId).kill()));
  return fault;
}

function freeze(cluster: ChaosCluster, nodeIds: readonly number[], role: string): FaultInForce {
  if (nodeIds.length === 0) return nothingLeft;
  for (const nodeId of nodeIds) cluster.kafka.node(nodeId).pause();
  return hold(cluster, nodeIds, `SIGSTOP of ${named(nodeIds)}${role}`, () => {
    for (const nodeId of nodeIds) cluster.kafka.node(nodeId).resume();
    return Promise.resolve();
  });
}

/** As an upgrade does it: stop one cleanly, start it, wait until its replicas have caught up, then the next. Goes on by itself; healing waits for its end. */
function roll(cluster: ChaosCluster): FaultInForce {
  const nodeIds = freeNodes(cluster);
  if (nodeIds.length === 0) return nothingLeft;
  const rolling = (async () => {
    for (const nodeId of nodeIds) {
      await cluster.kafka.node(nodeId).stop();
      await revive(cluster, nodeId);
      await untilInSync(cluster, IN_SYNC_WITHIN_MS);
    }
  })();
  rolling.catch(() => undefined); // told by heal
  return hold(cluster, nodeIds, `clean restart of ${named(nodeIds)}, one after the other`, () => rolling);
}

/** Starts a broker that is down, or in whatever state: it is killed first. A loaded machine may need more than one try. */
export async function revive(cluster: ChaosCluster, nodeId: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    await cluster.kafka.node(nodeId).kill();
    try {
      await cluster.kafka.restart(nodeId);
      return;
    } catch (error) {
      if (tries === RESTARTS) throw error;
    }
  }
}
