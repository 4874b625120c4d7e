import { readExecutions } from '../executions.ts';
import { nameEntities } from '../nameEntities.ts';
import { measureRepeats } from '../promises/boundedRepeats.ts';
import { allKept } from '../promises/everyPromise.ts';
import { findViolations } from '../promises/guarantee.ts';
import type { WorkerProcess } from '../process/workerProcess.ts';
import type { Scene } from '../scene.ts';
import { OpenLoad } from './openLoad.ts';
import { percentile } from './percentile.ts';

export interface Rescue {
  readonly worker: string;
  /** From the kill to the next start of each job that the worker had in flight. */
  readonly restartMs: readonly number[];
  /** From the kill to the first completion of each partition that the worker had. */
  readonly firstDoneMs: readonly number[];
}

export interface RescueReport {
  readonly kills: number;
  readonly jobs: number;
  readonly inFlight: number;
  readonly repeats: number;
  readonly sessionTimeoutMs: number;
  readonly restartMs: Figures;
  readonly firstDoneMs: Figures;
  readonly violations: readonly string[];
}

interface Figures { readonly p50: number; readonly p99: number; readonly most: number }

export interface RescueOptions {
  readonly times: number;
  readonly workers?: number;
  readonly jobsPerSecond?: number;
  readonly sessionTimeoutMs?: number;
  readonly say?: (line: string) => void;
}

/** Attempts so long that a kill always finds some in flight. */
export const rescueWorkload = { workMs: [100, 600], failing: { share: 0.05, upTo: 2 }, backoff: { firstMs: 300, factor: 2, maxMs: 1500 } } as const;

const RESCUED_WITHIN_MS = 90_000;

/** Kills workers one after the other under load, each when the last one's jobs run again, and starts another in its place, as a supervisor does. */
export async function runRescues(scene: Scene, { times, workers = 3, jobsPerSecond = 45, sessionTimeoutMs = 6000, say = () => undefined }: RescueOptions): Promise<RescueReport> {
  const load = new OpenLoad(scene, nameEntities(300), jobsPerSecond);
  await scene.enqueue(['warm-up'], 1);
  let living: WorkerProcess[] = [];
  for (let count = 0; count < workers; count++) living.push(await scene.startWorker({ sessionTimeoutMs }));
  load.start();
  const rescues: Rescue[] = [];
  for (let kill = 1; kill <= times; kill++) {
    load.check();
    const victim = living[kill % living.length] as WorkerProcess;
    await scene.until('all partitions to be open', () => living.reduce((sum, worker) => sum + scene.heldBy(worker).length, 0) === scene.partitions && scene.heldBy(victim).length > 0);
    await scene.until(`${victim.workerId} to have jobs in flight`, () => inFlightOf(scene, victim).length > 0);
    const held = scene.heldBy(victim);
    await scene.kill(victim);
    const killedMs = scene.cuts.at(-1)?.atMs ?? Number.NaN;
    living = [...living.filter((worker) => worker !== victim), await scene.startWorker({ sessionTimeoutMs })];
    const jobs = new Set(inFlightOf(scene, victim).map(({ start }) => start.id));
    let rescue = measure(scene, victim, killedMs, jobs, held);
    await scene.until(`the jobs of ${victim.workerId} to run again`, () => {
      rescue = measure(scene, victim, killedMs, jobs, held);
      return rescue.restartMs.length === jobs.size && rescue.firstDoneMs.length === held.length;
    }, RESCUED_WITHIN_MS);
    rescues.push(rescue);
    say(`kill ${kill} of ${times}: ${jobs.size} in flight, restarted after ${rounded(rescue.restartMs)} ms, ${held.length} partitions, first done after ${rounded(rescue.firstDoneMs)} ms`);
  }
  await load.stop();
  await scene.untilDone(scene.accepted.length, RESCUED_WITHIN_MS);
  await scene.untilCommitted();
  await scene.sightCommits();
  const history = await scene.history();
  const restartMs = rescues.flatMap((rescue) => rescue.restartMs);
  return {
    kills: times,
    jobs: history.accepted.length,
    inFlight: restartMs.length,
    repeats: measureRepeats(history).repeats,
    sessionTimeoutMs,
    restartMs: figures(restartMs),
    firstDoneMs: figures(rescues.flatMap((rescue) => rescue.firstDoneMs)),
    violations: findViolations(allKept, history),
  };
}

function inFlightOf(scene: Scene, worker: WorkerProcess) {
  return readExecutions(scene.lines).filter(({ start, endAt }) => endAt === null && start.worker === worker.workerId);
}

function measure(scene: Scene, victim: WorkerProcess, killedMs: number, jobs: ReadonlySet<string>, held: readonly number[]): Rescue {
  const restarts = new Map<string, number>();
  const firstDone = new Map<number, number>();
  const partitionOf = new Map(scene.accepted.map(({ id, partition }) => [id, partition]));
  for (const { type, id, worker, atMs, outcome } of scene.lines) {
    if (worker === victim.workerId || atMs < killedMs) continue;
    if (type === 'start' && jobs.has(id) && !restarts.has(id)) restarts.set(id, atMs - killedMs);
    const partition = partitionOf.get(id) ?? -1;
    if (outcome === 'done' && held.includes(partition) && !firstDone.has(partition)) firstDone.set(partition, atMs - killedMs);
  }
  return { worker: victim.workerId, restartMs: [...restarts.values()], firstDoneMs: [...firstDone.values()] };
}

function figures(values: readonly number[]): Figures {
  return { p50: Math.round(percentile(values, 0.5)), p99: Math.round(percentile(values, 0.99)), most: Math.round(Math.max(...values)) };
}

function rounded(values: readonly number[]): string {
  return values.length === 0 ? '-' : `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}`;
}
