import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { askCluster } from '../../../shared/embedded/askCluster.ts';
import { seededRandom } from '../../../shared/testing/seededRandom.ts';
import type { Dice } from '../fault.ts';
import { NODES, openChaosCluster, type ChaosCluster } from './chaosCluster.ts';
import { possibleFaults } from './clusterFaults.ts';
import { openTryLoad, PARTITIONS, type TryLoad } from './tryLoad.ts';

/**
 * Tries the cluster's faults one by one on a real cluster under a small load of real jobs, and prints what each did and how soon work
 * went on: `node --conditions=source test/chaos/cluster/tryFaults.main.ts [--only "network cut"] [--rounds 3] [--seed 1] [--hold 8]
 * [--choose dead,1] [--troubles file]`. `--hold`: seconds instead of the drawn time; `--choose`: what to take wherever it is among the choices;
 * `--troubles`: where to write what workers told.
 */
const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' }, hold: { type: 'string' }, choose: { type: 'string', default: '' }, troubles: { type: 'string' } } });
const QUEUE = 'tried';
const REST_MS = 3000;
const PROBE_MS = 500;
const ALL_WITHIN_MS = 90_000;

const dice = diceOf(Number(values.seed));
const say = (line: string): void => { process.stdout.write(`${line}\n`); };
const cluster = await openChaosCluster({ host: process, cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '../../../.cache'), dataDir: await mkdtemp(join(tmpdir(), 'millrace-try-')), report: say });
const stage = { cluster, queue: QUEUE, group: `millrace.${QUEUE}` };
const load = await openTryLoad(cluster.bootstrap, QUEUE).catch(async (error: unknown) => {
  await cluster.close();
  throw error;
});
const { faults, leftOut } = possibleFaults(stage);
for (const { name, why } of leftOut) say(`left out: ${name} (${why})`);
try {
  await sleep(REST_MS);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const fault of faults) {
      if (values.only !== undefined && !values.only.split(',').includes(fault.name)) continue;
      const holdMs = values.hold === undefined ? dice.between(...fault.forMs) : Number(values.hold) * 1000;
      const troublesBefore = load.troubles.length;
      const refusedBefore = total(load.refused);
      const lostBefore = lostReplies();
      const beginMs = performance.now();
      const { what, heal } = await fault.begin(stage, dice);
      const probes = probe(cluster);
      await sleep(holdMs);
      const seen = await probes.stop();
      const healMs = performance.now();
      await heal();
      const healedMs = performance.now();
      const all = await untilEveryPartitionServes(load, healMs);
      const endMs = performance.now();
      say([
        `${fault.name}: ${what}`,
        `  held ${seconds(healMs - beginMs)}, healing took ${seconds(healedMs - healMs)}; seen through the proxies: ${seen}`,
        `  longest silence of a partition ${seconds(longestSilence(load, beginMs - 1000, endMs))}; from heal to the first completion ${seconds(all.firstMs)}, to one on every partition ${seconds(all.everyMs)} (after healing ended: ${seconds(all.everyMs - (healedMs - healMs))})`,
        `  enqueues refused ${total(load.refused) - refusedBefore}, replies lost ${lostReplies() - lostBefore}, troubles told ${load.troubles.length - troublesBefore}; begun at ${Math.round(beginMs)}, healed at ${Math.round(healedMs)}`,
      ].join('\n'));
      await sleep(REST_MS);
    }
  }
  await load.stopEnqueuing();
  const missing = (): string[] => {
    const done = new Set(load.completions.map(({ job }) => job));
    return [...load.accepted].filter((job) => !done.has(job));
  };
  for (const endMs = performance.now() + ALL_WITHIN_MS; missing().length > 0 && performance.now() < endMs;) await sleep(100);
  const distinct = new Set(load.completions.map(({ job }) => job)).size;
  say(`accepted ${load.accepted.size}, done ${distinct}, not done ${missing().length} ${missing().slice(0, 5).join()}, repeats ${load.completions.length - distinct}, out of order ${load.outOfOrder.length} ${load.outOfOrder.slice(0, 5).join()}`);
  if (missing().length > 0 || load.outOfOrder.length > 0) process.exitCode = 1;
} finally {
  if (values.troubles !== undefined) await writeFile(values.troubles, load.troubles.join('\n'));
  await load.close();
  await cluster.close();
}

function lostReplies(): number {
  return NODES.reduce((sum, nodeId) => sum + cluster.proxy(nodeId).lostReplies, 0);
}

/** Asks each broker through its proxy again and again, and counts what came of it. */
function probe(of: ChaosCluster): { stop(): Promise<string> } {
  const counts = new Map<number, { answered: number; asked: number }>();
  let over = false;
  const asking = Promise.all(NODES.map(async (nodeId) => {
    const count = { answered: 0, asked: 0 };
    counts.set(nodeId, count);
    do {
      count.asked += 1;
      if (await askCluster(of.proxy(nodeId).port, PROBE_MS) !== undefined) count.answered += 1;
      await sleep(PROBE_MS / 2);
    } while (!over);
  }));
  return {
    async stop() {
      over = true;
      await asking;
      return NODES.map((nodeId) => `broker ${nodeId} answered ${counts.get(nodeId)?.answered} of ${counts.get(nodeId)?.asked}`).join(', ');
    },
  };
}

async function untilEveryPartitionServes({ completions }: TryLoad, sinceMs: number): Promise<{ firstMs: number; everyMs: number }> {
  for (const endMs = performance.now() + ALL_WITHIN_MS; ;) {
    const since = completions.filter(({ atMs }) => atMs > sinceMs);
    const firsts = new Map<number, number>();
    for (const { partition, atMs } of since) if (!firsts.has(partition)) firsts.set(partition, atMs);
    if (firsts.size === PARTITIONS || performance.now() > endMs) {
      return { firstMs: Math.min(...firsts.values()) - sinceMs, everyMs: firsts.size === PARTITIONS ? Math.max(...firsts.values()) - sinceMs : Infinity };
    }
    await sleep(20);
  }
}

function longestSilence({ completions }: TryLoad, fromMs: number, toMs: number): number {
  let longest = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const times = [fromMs, ...completions.filter((one) => one.partition === partition && one.atMs > fromMs && one.atMs < toMs).map(({ atMs }) => atMs), toMs];
    for (let n = 1; n < times.length; n++) longest = Math.max(longest, (times[n] ?? 0) - (times[n - 1] ?? 0));
  }
  return longest;
}

function diceOf(seed: number): Dice {
  const next = seededRandom(seed);
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const wished = (values.choose ?? '').split(',');
  return { next, between, pick: <T>(of: readonly T[]) => of.find((one) => wished.includes(String(one))) ?? of[between(0, of.length - 1)] as T };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
