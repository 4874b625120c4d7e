import type { Dice, Fault, FaultInForce } from '../fault.ts';
import { NODES, type ChaosCluster } from './chaosCluster.ts';
import type { ClusterStage } from './clusterStage.ts';
import { drawNodes, hold, named, nothingLeft } from './takeNodes.ts';
import type { Trouble } from './trouble.ts';

const RESET_EVERY_MS = [100, 1500] as const;

/** Faults of the network between clients and brokers: of one broker's, of two, or of all. Brokers among themselves are not disturbed. */
export const networkFaults: readonly Fault<ClusterStage>[] = [
  {
    name: 'network cut',
    forMs: [1000, 20_000],
    begin: ({ cluster }, dice) => impose(cluster, dice, { type: 'cut', direction: 'both', afterwards: dice.pick(['delivered', 'dead']) }, 'cut of'),
  },
  {
    name: 'network cut one way',
    forMs: [1000, 20_000],
    begin({ cluster }, dice) {
      const direction = dice.pick(['to-broker', 'to-client'] as const);
      return impose(cluster, dice, { type: 'cut', direction, afterwards: dice.pick(['delivered', 'dead']) }, direction === 'to-broker' ? 'requests lost on the way to' : 'replies lost on the way from');
    },
  },
  {
    name: 'connections refused',
    forMs: [1000, 15_000],
    async begin({ cluster }, dice) {
      const fault = await impose(cluster, dice, { type: 'refuse' }, 'connections reset and refused by');
      for (const nodeId of NODES) if (cluster.proxy(nodeId).trouble?.type === 'refuse') cluster.proxy(nodeId).reset();
      return fault;
    },
  },
  {
    name: 'connections reset',
    forMs: [500, 8000],
    begin: ({ cluster }, dice) => Promise.resolve(resetAgainAndAgain(cluster, dice)),
  },
  {
    name: 'connections half closed',
    forMs: [0, 1000],
    begin({ cluster }, dice) {
      const nodeIds = drawSome(cluster, dice);
      if (nodeIds.length === 0) return Promise.resolve(nothingLeft);
      const toward = dice.pick(['broker', 'client'] as const);
      const count = nodeIds.reduce((sum, nodeId) => sum + cluster.proxy(nodeId).halfClose(toward), 0);
      return Promise.resolve(hold(cluster, nodeIds, `end of file to the ${toward} on ${count} connections of ${named(nodeIds)}`, () => Promise.resolve()));
    },
  },
  {
    name: 'network delay',
    forMs: [2000, 15_000],
    begin({ cluster }, dice) {
      const [delayMs, jitterMs] = [dice.between(20, 400), dice.between(0, 400)];
      return impose(cluster, dice, { type: 'delay', delayMs, jitterMs }, `${delayMs} to ${delayMs + jitterMs} ms each way to`);
    },
  },
  {
    name: 'slow link',
    forMs: [2000, 15_000],
    begin({ cluster }, dice) {
      const bytesPerSecond = dice.between(8, 64) * 1024;
      return impose(cluster, dice, { type: 'narrow', bytesPerSecond }, `${bytesPerSecond / 1024} KiB/s a connection to`);
    },
  },
  {
    name: 'replies lost',
    forMs: [1000, 10_000],
    begin({ cluster }, dice) {
      const [to, every, then] = [dice.pick(['produce', 'commit', 'any'] as const), dice.between(2, 20), dice.pick(['reset', 'silence'] as const)];
      return impose(cluster, dice, { type: 'lose-reply', to, every, then }, `every ${every}th reply to ${to} done but lost, then ${then}, by`);
    },
  },
];

/** One broker twice as often as two or all. */
function drawSome(cluster: ChaosCluster, dice: Dice): number[] {
  return drawNodes(cluster, dice, dice.pick([1, 1, 2, 3]));
}

async function impose(cluster: ChaosCluster, dice: Dice, trouble: Trouble, words: string): Promise<FaultInForce> {
  const nodeIds = drawSome(cluster, dice);
  if (nodeIds.length === 0) return nothingLeft;
  const afterwards = trouble.type === 'cut' ? `; what was open is ${trouble.afterwards} afterwards` : '';
  const fault = hold(cluster, nodeIds, `${words} ${named(nodeIds)}${afterwards}`, () => Promise.all(nodeIds.map((nodeId) => cluster.proxy(nodeId).lift())));
  await Promise.all(nodeIds.map((nodeId) => cluster.proxy(nodeId).impose(trouble)));
  return fault;
}

function resetAgainAndAgain(cluster: ChaosCluster, dice: Dice): FaultInForce {
  const nodeIds = drawSome(cluster, dice);
  if (nodeIds.length === 0) return nothingLeft;
  const everyMs = dice.between(...RESET_EVERY_MS);
  const reset = (): void => { for (const nodeId of nodeIds) cluster.proxy(nodeId).reset(); };
  reset();
  const timer = setInterval(reset, everyMs);
  return hold(cluster, nodeIds, `connections reset every ${everyMs} ms at ${named(nodeIds)}`, () => {
    clearInterval(timer);
    return Promise.resolve();
  });
}
