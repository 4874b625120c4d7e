import type { WorkerPlan, WorkerTold } from '../children/workerPlan.ts';
import { readRows, type Run } from '../check/journal.ts';
import { startChild, type Child } from '../process/child.ts';
import { machineMs } from '../process/machineClock.ts';

/** The worker processes of one measurement. */
export interface Workers {
  readonly children: readonly Child<WorkerTold>[];
  /** Starts them, and resolves when they say that they run. */
  go(): Promise<void>;
  /** Their processor time counts from now. */
  mark(): void;
  /** When the first handler of each, or of the first, began, ms of the machine's clock. */
  begun(which: 'each' | 'any'): Promise<number>;
  /** How many jobs they have ended so far. */
  readonly count: number;
  /** When so many jobs were ended, by all together. @throws Error when a worker ends before, or it takes too long */
  ended(jobs: number, timeoutMs?: number): Promise<void>;
  /** Of those that live. */
  report(): Promise<{ readonly runs: readonly Run[]; readonly cpuSeconds: number; readonly peakRssMb: number; readonly recorded: ReadonlyMap<number, number> }>;
  /** Ends all. */
  dismiss(): Promise<void>;
}

const PATIENCE_MS = 600_000;

export async function startWorkers(plan: Omit<WorkerPlan, 'logFile'>, count: number, logFiles: readonly string[] = []): Promise<Workers> {
  const children = Array.from({ length: count }, (_, index) => {
    const logFile = logFiles[index];
    return startChild<WorkerTold>('children/worker.main.ts', logFile === undefined ? plan : { ...plan, logFile });
  });
  const counts = new Array<number>(count).fill(0);
  const killed = new Set<number>();
  let wake = (): void => undefined;
  children.forEach((child, index) => {
    child.on('count', ({ ended }) => { counts[index] = ended; wake(); });
    void child.ended.then(() => { killed.add(index); wake(); });
  });
  const sum = (): number => counts.reduce((all, one) => all + one, 0);
  const living = (): Child<WorkerTold>[] => children.filter((_, index) => !killed.has(index));
  const dismiss = async (): Promise<void> => {
    for (const child of living()) child.send({ type: 'stop' });
    // A clean stop takes leave of the server, so that the next contestant finds it at rest.
    await Promise.race([Promise.all(living().map((child) => child.ended)), new Promise((resolve) => { setTimeout(resolve, 5000).unref(); })]);
    await Promise.all(living().map((child) => child.dismiss()));
  };
  try {
    await Promise.all(children.map((child) => child.hear('ready', 60_000)));
  } catch (error) {
    await dismiss();
    throw error;
  }
  return {
    children,
    async go() {
      for (const child of children) child.send({ type: 'go' });
      await Promise.all(children.map((child) => child.hear('started', 120_000)));
    },
    mark() { for (const child of children) child.send({ type: 'mark' }); },
    async begun(which) {
      const times = children.map(async (child) => (await child.hear('first', 120_000)).atMs);
      return which === 'any' ? Promise.any(times) : Math.max(...await Promise.all(times));
    },
    get count() { return sum(); },
    async ended(jobs, timeoutMs = PATIENCE_MS) {
      for (const endMs = machineMs() + timeoutMs; sum() < jobs;) {
        if (killed.size === count) throw new Error(`all workers are gone with ${sum()} of ${jobs} jobs ended`);
        if (machineMs() > endMs) throw new Error(`${sum()} of ${jobs} jobs were ended within ${Math.round(timeoutMs / 1000)} s`);
        const timer = Promise.withResolvers<void>();
        wake = timer.resolve;
        const late = setTimeout(timer.resolve, 500);
        await timer.promise;
        clearTimeout(late);
      }
    },
    async report() {
      for (const child of living()) child.send({ type: 'report' });
      const reports = await Promise.all(living().map((child) => child.hear('figures')));
      const recorded = new Map<number, number>();
      for (const one of reports) for (let at = 0; at < one.recorded.length; at += 2) recorded.set(one.recorded[at] ?? 0, one.recorded[at + 1] ?? 0);
      return {
        runs: reports.flatMap(({ rows }) => readRows(rows)),
        cpuSeconds: reports.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
        peakRssMb: Math.max(...reports.map(({ peakRssMb }) => peakRssMb)),
        recorded,
      };
    },
    dismiss,
  };
}
