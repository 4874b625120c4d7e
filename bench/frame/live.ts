import type { ClientTold } from '../children/clientPlan.ts';
import type { Run } from '../check/journal.ts';
import type { Load } from '../jobs/load.ts';
import { startChild } from '../process/child.ts';
import { cpuSecondsOf } from '../process/cpu.ts';
import type { Place, Settings } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';
import type { Bench } from './bench.ts';
import { pidOf } from './drain.ts';
import { startWorkers, type Workers } from './workers.ts';

export interface LivePlan {
  readonly system: SystemName;
  readonly load: Load;
  readonly settings: Settings;
  readonly mode: { readonly type: 'paced'; readonly perSecond: number } | { readonly type: 'singles'; readonly concurrency: number };
  /** Called when worker and client are connected, before the first job; what it gives back is awaited when all jobs have ended. */
  readonly beside?: (place: Place) => Promise<() => Promise<void>>;
  /** Called when the first job is about to be sent. */
  readonly began?: (workers: Workers) => void;
  /** How long jobs may take to end after the last was sent. */
  readonly patienceMs?: number;
}

export interface Live {
  readonly runs: readonly Run[];
  readonly client: Extract<ClientTold, { type: 'figures' }>;
  /** From the first send to the last end. */
  readonly seconds: number;
  readonly recorded: ReadonlyMap<number, number>;
  readonly workerCpuSeconds: number;
  readonly serverCpuSeconds: number | null;
}

/** Jobs are sent while a worker waits for them. */
export async function runLive(bench: Bench, { system: name, load, settings, mode, beside, began, patienceMs = 60_000 }: LivePlan): Promise<Live> {
  const system = await loadSystem(name);
  const place = await bench.place(name, system.needs);
  const serverPid = await pidOf(bench, system.needs);
  await system.prepare(place, load, settings);
  const workers = await startWorkers({ system: name, place, load, settings }, 1);
  const client = startChild<ClientTold>('children/client.main.ts', { system: name, place, load, settings, mode });
  try {
    await Promise.all([workers.go(), client.hear('ready')]);
    const finish = await beside?.(place);
    const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
    client.send({ type: 'go' });
    began?.(workers);
    const figures = await client.hear('figures');
    // Who did not end them within that time has lost them, which the check will say.
    await workers.ended(load.jobs, patienceMs).catch((error: unknown) => { bench.say(`  ${String(error)}`); });
    const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
    await finish?.();
    const { runs, cpuSeconds, recorded } = await workers.report();
    const last = runs.reduce((latest, { endMs }) => Math.max(latest, endMs), 0);
    return {
      runs, client: figures, recorded, seconds: (last - (figures.intendedMs[0] ?? 0)) / 1000, workerCpuSeconds: cpuSeconds, serverCpuSeconds: before === null || after === null ? null : after - before,
    };
  } finally {
    client.send({ type: 'stop' });
    await client.dismiss();
    await workers.dismiss();
    await system.remove(place);
  }
}
