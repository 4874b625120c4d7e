import { setTimeout as sleep } from 'node:timers/promises';
import { createDice } from '../simulator/dice.ts';
import { collectCuts, type Disturbance } from './check/cuts.ts';
import { judgeRun } from './check/judgeRun.ts';
import { measureRun, type RunFigures } from './check/measureRun.ts';
import type { ChaosStage, Reach } from './chaosStage.ts';
import { openChaosStage } from './chaosStage.ts';
import type { ChaosCluster } from './cluster/chaosCluster.ts';
import { possibleFaults } from './cluster/clusterFaults.ts';
import { drain, proveEmpty } from './drain.ts';
import type { Fault } from './fault.ts';
import type { Journal } from './journal.ts';
import type { ChaosOptions } from './options.ts';
import { registryFaults } from './registry/registryFaults.ts';
import { strike, strikeAtRandom } from './strike.ts';
import { topicFaults } from './topics/topicFaults.ts';
import { workerFaults } from './worker/workerFaults.ts';

export interface ChaosResult {
  readonly options: ChaosOptions;
  readonly violations: readonly { readonly what: string; readonly slice: readonly string[] }[];
  /** Faults that this machine cannot make, and why. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  /** What went wrong with the run itself: faults that could not be begun or healed. */
  readonly failures: readonly string[];
  readonly figures: RunFigures;
}

/** Two flushes (a job leaves the waiting room with the second), and what a machine with two busy cores takes to make them durable. */
const FLUSH_WINDOW_MS = 2000;
const ABORT_GRACE_MS = 5000;
const PROGRESS_EVERY_MS = 10_000;
const WARM_UP_MS = 3000;

/** One run: load, faults, heal, drain, check. @param signal ends the faults early */
export async function runChaos(options: ChaosOptions, cluster: ChaosCluster, registryUrl: string, dataDir: string, journal: Journal, signal: AbortSignal): Promise<ChaosResult> {
  const { seed } = options;
  const stage = await openChaosStage(options, cluster, registryUrl, dataDir, createDice(seed, 'load'), journal);
  try {
    const { menu, leftOut } = makeMenu(stage, options);
    journal.tell('start', `seed ${seed}, ${options.workers} workers, ${options.jobsPerSecond} jobs/s over ${options.entities} entities, faults: ${menu.map(({ name }) => name).join(', ')}`);
    for (const { name, why } of leftOut) journal.tell('left out', `${name}: ${why}`);
    await stage.fleet.fill();
    const [death] = stage.fleet.deaths;
    if (death !== undefined) throw new Error(`${death.worker} did not even start: ${death.errors}`);
    await stage.watch.start();
    stage.load.start();
    const progress = setInterval(() => { tellProgress(stage, journal); }, PROGRESS_EVERY_MS);
    const startMs = Date.now();
    await sleep(WARM_UP_MS);
    const dice = createDice(seed, 'faults');
    if (options.inTurn.length > 0) await strikeInTurn(menu, options, stage, journal, signal);
    else await strikeAtRandom<Reach>({ stage, faults: menu, dice, journal, signal, forMs: options.forMs, restMs: options.restMs, longestHoldMs: options.longestHoldMs });
    await sleep(WARM_UP_MS);
    const endMs = Date.now();
    journal.tell('heal', 'all faults are healed; no more jobs are enqueued');
    await stage.load.stop();
    await stage.fleet.fill();
    const { log, stuck } = await drain(stage, journal);
    const drainedMs = Date.now();
    clearInterval(progress);
    const wrong = stuck.length > 0 ? stuck : await proveEmpty(stage);
    return check(stage, options, { log, wrong, leftOut, startMs, endMs, drainedMs }, journal);
  } finally {
    await stage.close();
  }
}

interface Outcome {
  readonly log: Awaited<ReturnType<typeof drain>>['log'];
  readonly wrong: readonly string[];
  readonly leftOut: ChaosResult['leftOut'];
  readonly startMs: number;
  readonly endMs: number;
  readonly drainedMs: number;
}

function check(stage: ChaosStage, options: ChaosOptions, { log, wrong, leftOut, startMs, endMs, drainedMs }: Outcome, journal: Journal): ChaosResult {
  const { fleet, load, witness, watch, workload } = stage;
  journal.tell('check', `${log.jobs.length} jobs, ${witness.lines.length} lines of the witness, ${watch.sights.length} looks at the commits`);
  const touchesKafka = new Set<string>([...possibleFaults(stage).faults, ...topicFaults].map(({ name }) => name));
  const disturbances = journal.incidents.filter(({ name }) => touchesKafka.has(name)).map(({ beginMs, healedMs }): Disturbance => ({ fromMs: beginMs, toMs: healedMs }));
  const { cuts, unexplained } = collectCuts({
    made: fleet.cuts, heard: fleet.heard, disturbances, flushWindowMs: FLUSH_WINDOW_MS, sessionTimeoutMs: options.sessionTimeoutMs,
    patienceMs: options.drainTimeoutMs + ABORT_GRACE_MS,
  });
  const verdict = judgeRun({ workload, handed: load.handed, log, lines: witness.lines, sights: watch.sights, cuts, awakenings: fleet.awakenings, flushWindowMs: FLUSH_WINDOW_MS });
  const { figures, violations } = measureRun({
    history: verdict.history, jobs: log.jobs, handed: load.handed, incidents: journal.incidents, fleet, startMs, endMs, drainedMs, unexplained,
    zombieLines: verdict.zombieLines, doubled: verdict.doubled, sights: watch.sights.length, sessionTimeoutMs: options.sessionTimeoutMs, drainTimeoutMs: options.drainTimeoutMs,
  });
  const plain = [...wrong, ...watch.regressions.map((one) => `commits do not fall: ${one}`), ...violations].map((what) => ({ what, slice: [] }));
  return { options, violations: [...verdict.violations, ...plain], leftOut, failures: journal.failures, figures };
}

function makeMenu(stage: ChaosStage, { faults, inTurn }: ChaosOptions): { readonly menu: readonly Fault<Reach>[]; readonly leftOut: ChaosResult['leftOut'] } {
  const { faults: ofCluster, leftOut } = possibleFaults(stage);
  const all: readonly Fault<Reach>[] = [...workerFaults, ...registryFaults, ...topicFaults, ...ofCluster];
  const wanted = new Set([...faults, ...inTurn]);
  const known = new Set([...all, ...leftOut].map(({ name }) => name));
  const unknown = [...wanted].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`there is no fault ${unknown.join(', ')}; there are: ${[...known].join(', ')}`);
  return { menu: wanted.size === 0 ? all : all.filter(({ name }) => wanted.has(name)), leftOut: leftOut.filter(({ name }) => wanted.size === 0 || wanted.has(name)) };
}

async function strikeInTurn(menu: readonly Fault<Reach>[], { inTurn, restMs, seed, longestHoldMs }: ChaosOptions, stage: Reach, journal: Journal, signal: AbortSignal): Promise<void> {
  const dice = createDice(seed, 'faults');
  for (const name of inTurn) {
    const fault = menu.find((one) => one.name === name);
    if (fault === undefined || signal.aborted) continue;
    await strike(fault, { stage, dice, journal, signal, longestHoldMs });
    await sleep(dice.between(...restMs), undefined, { signal }).catch(() => undefined);
  }
}

function tellProgress({ load, witness, fleet }: ChaosStage, journal: Journal): void {
  witness.read();
  const handed = load.handed.size;
  const accepted = load.acceptedCount;
  const done = witness.done.size;
  journal.tell('progress', `${handed} jobs handed over, ${accepted} acked, ${done} done, ${fleet.living.length} workers`, { handed, accepted, done, workers: fleet.living.length });
}
