import { measureRepeats } from '../promises/boundedRepeats.ts';
import { allKept } from '../promises/everyPromise.ts';
import { findViolations } from '../promises/guarantee.ts';
import type { Scene } from '../scene.ts';
import type { WorkerProcess } from '../process/workerProcess.ts';
import { OpenLoad } from './openLoad.ts';
import { nameEntities } from '../nameEntities.ts';
import { percentile } from './percentile.ts';

export interface RollingReport {
  readonly restarts: number;
  readonly jobs: number;
  readonly repeats: number;
  /** Attempts that a stop cut off: it must drain. */
  readonly aborted: number;
  readonly stopMs: { readonly p50: number; readonly most: number };
  /** From the start of the process until its first partition is open. */
  readonly openMs: { readonly p50: number; readonly most: number };
  /** The longest time in which no job of any entity ended. */
  readonly longestStandstillMs: number;
  readonly violations: readonly string[];
}

export interface RollingOptions {
  readonly times: number;
  readonly workers?: number;
  readonly jobsPerSecond?: number;
  readonly say?: (line: string) => void;
}

/** What a deploy meets: jobs in flight, jobs that wait for a retry, lines behind them. */
export const rollingWorkload = { workMs: [10, 120], failing: { share: 0.1, upTo: 2 }, backoff: { firstMs: 300, factor: 2, maxMs: 1500 } } as const;

const SESSION_TIMEOUT_MS = 10_000;
const DRAINED_WITHIN_MS = 120_000;

/** Restarts the workers one after the other under load: each gets SIGTERM, drains, ends, and a new one takes its place. */
export async function runRollingRestarts(scene: Scene, { times, workers = 3, jobsPerSecond = 120, say = () => undefined }: RollingOptions): Promise<RollingReport> {
  const load = new OpenLoad(scene, nameEntities(150), jobsPerSecond);
  await scene.enqueue(['warm-up'], 1);
  const living: WorkerProcess[] = [];
  const stopMs: number[] = [];
  const openMs: number[] = [];
  const open = async (): Promise<void> => {
    const startedMs = performance.now();
    const worker = await scene.startWorker({ sessionTimeoutMs: SESSION_TIMEOUT_MS });
    await scene.until(`${worker.workerId} to open a partition`, () => worker.has('active'));
    openMs.push(performance.now() - startedMs);
    living.push(worker);
  };
  for (let count = 0; count < workers; count++) await open();
  openMs.length = 0;
  load.start();
  const loadFromMs = Date.now() + 1000;
  for (let restart = 1; restart <= times; restart++) {
    load.check();
    const oldest = living.shift() as WorkerProcess;
    await scene.untilBusy(oldest);
    const startedMs = performance.now();
    await scene.stop(oldest);
    stopMs.push(performance.now() - startedMs);
    await open();
    if (restart % 10 === 0) say(`${restart} of ${times} restarts, ${scene.doneJobs} jobs done, ${measureRepeats(scene.historySoFar()).repeats} repeats`);
  }
  await load.stop();
  await scene.untilDone(scene.accepted.length, DRAINED_WITHIN_MS);
  await scene.untilCommitted();
  await scene.sightCommits();
  for (const worker of living) await scene.stop(worker);
  const history = await scene.history();
  const ends = history.lines.filter(({ type, atMs }) => type === 'end' && atMs >= loadFromMs);
  return {
    restarts: times,
    jobs: history.accepted.length,
    repeats: measureRepeats(history).repeats,
    aborted: ends.filter(({ outcome }) => outcome === 'aborted').length,
    stopMs: { p50: Math.round(percentile(stopMs, 0.5)), most: Math.round(Math.max(...stopMs)) },
    openMs: { p50: Math.round(percentile(openMs, 0.5)), most: Math.round(Math.max(...openMs)) },
    longestStandstillMs: Math.round(Math.max(0, ...ends.slice(1).map(({ atMs }, index) => atMs - (ends[index]?.atMs ?? atMs)))),
    violations: findViolations(allKept, history),
  };
}
