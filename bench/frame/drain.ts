import type { Run } from '../check/journal.ts';
import type { Load } from '../jobs/load.ts';
import { cpuSecondsOf } from '../process/cpu.ts';
import { machineMs } from '../process/machineClock.ts';
import type { ServerName } from '../servers/server.ts';
import type { Place, Settings, Watcher } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';
import type { Bench } from './bench.ts';
import { enqueueLoad, type Enqueued } from './enqueue.ts';
import { startWorkers } from './workers.ts';

export interface DrainPlan {
  readonly system: SystemName;
  readonly load: Load;
  readonly settings: Settings;
  /** Worker processes. Default 1. */
  readonly workers?: number;
  /** A call for many of another size than the system's usual. */
  readonly slice?: number;
  /** The clock starts when a job of each entity has begun, and only what ends after that counts. */
  readonly beginsWithAll?: boolean;
  /** Looks at the queue when it is worked off. */
  readonly inspect?: (place: Place) => Promise<void>;
  /** The queue's place, where it is not an empty one of its own. */
  readonly at?: Place;
}

export interface Drained {
  readonly enqueued: Enqueued;
  /** Jobs that ended on the clock. */
  readonly counted: number;
  /** From the first handler's start until the server has recorded the last job's end. */
  readonly seconds: number;
  readonly startMs: number;
  readonly workerCpuSeconds: number;
  readonly serverCpuSeconds: number | null;
  readonly peakRssMb: number;
  readonly runs: readonly Run[];
}

/**
 * Fills an empty queue, and has it worked off. Workers have loaded their code before the clock starts, at the first handler's start; it stops when the server has recorded the last
 * end. Of several workers the clock starts when the last has begun, and only what ended after that counts: how long they take to share the work out is not the question.
 */
export async function drain(bench: Bench, { system: name, load, settings, workers: count = 1, slice, beginsWithAll = false, inspect, at }: DrainPlan): Promise<Drained> {
  const system = await loadSystem(name);
  const place = at ?? await bench.place(name, system.needs);
  const serverPid = await pidOf(bench, system.needs);
  if (at === undefined) await system.prepare(place, load, settings);
  // Calls at once may overtake one another.
  const mode = { type: 'bulk', ...(slice === undefined ? {} : { slice }), ...(settings.order === 'strict' ? { parallel: 1 } : {}) } as const;
  const enqueued = await enqueueLoad({ system: name, place, load, settings, serverPid, mode });
  await system.settle?.(place);
  const watcher = await system.watch(place, { mainOnly: at !== undefined });
  const workers = await startWorkers({ system: name, place, load, settings, beginsWithAll }, count);
  try {
    const going = workers.go();
    const all = Promise.all([going, workers.ended(load.jobs)]);
    all.catch(() => undefined);
    const startMs = await Promise.race([workers.begun(count === 1 ? 'any' : 'each'), all.then(() => workers.begun('any'))]);
    if (count > 1) workers.mark();
    const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
    await all;
    await untilRecorded(watcher);
    const endMs = machineMs();
    const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
    await inspect?.(place);
    const { runs, cpuSeconds, peakRssMb } = await workers.report();
    const counted = count === 1 && !beginsWithAll ? load.jobs : runs.filter(({ endMs: at, ending }) => at > startMs && ending !== 'again').length;
    return {
      enqueued, counted, seconds: (endMs - startMs) / 1000, startMs, workerCpuSeconds: cpuSeconds, serverCpuSeconds: before === null || after === null ? null : after - before, peakRssMb, runs,
    };
  } finally {
    await workers.dismiss();
    await watcher.close();
    if (at === undefined) await system.remove(place);
  }
}

/** Of the server that does the system's work. */
export async function pidOf(bench: Bench, [need]: readonly ServerName[]): Promise<number | null> {
  return need === undefined ? null : (await bench.server(need)).pid;
}

const RECORDED_WITHIN_MS = 60_000;

/** @throws Error when the server never says so */
export async function untilRecorded(watcher: Watcher): Promise<void> {
  for (const endMs = machineMs() + RECORDED_WITHIN_MS; ;) {
    const pending = await watcher.pending();
    if (pending === 0) return;
    if (machineMs() > endMs) throw new Error(`the server still counts ${pending} jobs a minute after the last handler`);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}
