import { join } from 'node:path';
import { judge } from '../check/judge.ts';
import { readKilledLog } from '../check/killedLog.ts';
import type { Run } from '../check/journal.ts';
import type { Bench } from '../frame/bench.ts';
import { enqueueLoad } from '../frame/enqueue.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { startWorkers } from '../frame/workers.ts';
import type { Load } from '../jobs/load.ts';
import { machineMs } from '../process/machineClock.ts';
import type { Settings, Watcher } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';

/** What ended in the last flush interval may be repeated, and some milliseconds pass until the kill is felt. */
const FLUSH_MS = 250;

interface RecoveryPlan {
  readonly settings: Settings;
  /** Who has not taken over by then has not. */
  readonly patienceMs: number;
}

async function measureRecovery(bench: Bench, name: SystemName, { settings, patienceMs }: RecoveryPlan): Promise<Sample> {
  const load: Load = { jobs: pick(bench.size, 60_000, 30_000, 6000), keys: pick(bench.size, 1000, 1000, 300), skew: 'even', workMs: 10 };
  const system = await loadSystem(name);
  const place = await bench.place(name, system.needs);
  await system.prepare(place, load, settings);
  const logs = [0, 1].map((index) => join(bench.folder, `${place.queue}-${index}.log`));
  const watcher = await system.watch(place);
  const workers = await startWorkers({ system: name, place, load, settings }, 2, logs);
  try {
    await workers.go();
    const enqueued = enqueueLoad({ system: name, place, load, settings, mode: { type: 'bulk', parallel: 1 }, serverPid: null });
    await Promise.all([workers.begun('each'), workers.ended(Math.round(load.jobs * 0.3))]);
    if (workers.count > load.jobs * 0.8) throw new Error('nearly all jobs had ended before both workers had begun');
    const killMs = machineMs();
    workers.children[1]?.kill('SIGKILL');
    await Promise.all([workers.children[1]?.ended, enqueued]);
    const left = await untilTaken(watcher, killMs + patienceMs);
    const { runs: survived } = await workers.report();
    const { runs: killed, underWay } = await readKilledLog(logs[1] ?? '');
    const runs: Run[] = [...killed, ...survived];
    const taken = survived.filter(({ sequence, startMs }) => underWay.has(sequence) && startMs > killMs).map(({ endMs }) => endMs - killMs).sort((a, b) => a - b);
    const bound = underWay.size + killed.filter(({ endMs }) => endMs > killMs - FLUSH_MS).length;
    const check = judge(load, runs, { order: settings.order, allowedRepeats: bound, allowedUnseen: left });
    const before = new Set(killed.filter(({ ending }) => ending === 'done').map(({ sequence }) => sequence));
    return {
      figures: {
        first: taken.length === 0 ? null : (taken[0] ?? 0) / 1000, last: left > 0 || taken.length === 0 ? null : (taken.at(-1) ?? 0) / 1000,
        underWay: underWay.size, repeats: survived.filter(({ sequence }) => before.has(sequence)).length, left,
      },
      check: { ok: check.ok, text: `${check.text}${left === 0 ? '' : `; ${left} still locked after ${patienceMs / 1000} s`}` },
    };
  } finally {
    await workers.dismiss();
    await watcher.close();
    await system.remove(place);
  }
}

/** Until the server has nothing left, or the time is over. @returns what is left */
async function untilTaken(watcher: Watcher, endMs: number): Promise<number> {
  for (;;) {
    const pending = await watcher.pending();
    if (pending === 0 || machineMs() > endMs) return pending;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

async function contestant(name: string, systemName: SystemName, plan: RecoveryPlan, words = ''): Promise<Contestant> {
  const system = await loadSystem(systemName);
  return { name, needs: system.needs, durability: system.durability, versions: system.versions(), settings: `2 processes, each ${system.describe(plan.settings)}${words}`, measure: (bench) => measureRecovery(bench, systemName, plan) };
}

export const recoveryScenario: Scenario = {
  name: 'recovery', measures: 'one of two workers under load is killed by SIGKILL: from then until the first and the last job that it was at is done by the other',
  columns: [
    { key: 'first', title: 'first s', digits: 2 }, { key: 'last', title: 'last s', digits: 2 }, { key: 'underWay', title: 'under way at the kill' }, { key: 'repeats', title: 'ended before and repeated' }, { key: 'left', title: 'not taken over' },
  ],
  subject: 'millrace', compared: 'first',
  contestants(size: Size) {
    const concurrency = pick(size, 100, 100, 10);
    const strict = { concurrency, order: 'strict' } as const;
    const free = { concurrency, order: 'none' } as const;
    if (size === 'smoke') return Promise.all([contestant('millrace', 'millrace', { settings: { ...strict, sessionMs: 3000 }, patienceMs: 30_000 })]);
    return Promise.all([
      contestant('millrace', 'millrace', { settings: strict, patienceMs: 60_000 }),
      contestant('millrace, session of 3 s', 'millrace', { settings: { ...strict, sessionMs: 3000 }, patienceMs: 60_000 }),
      contestant('BullMQ c100', 'bullmq', { settings: free, patienceMs: 120_000 }, '; its defaults: lockDuration and stalledInterval 30 s'),
      ...(size === 'quick' ? [] : [contestant('pg-boss 4×25', 'pgboss', { settings: { ...free, loops: 4, batchSize: 25, heartbeat: 10 }, patienceMs: 150_000 }, '; heartbeatSeconds 10 (its least), looked at every 60 s (its default)'),
      contestant('graphile-worker batched c100', 'graphile', { settings: { ...free, batched: true }, patienceMs: 20_000 }, '; jobs of a dead worker stay locked for 4 hours, so this one is given 20 s')]),
    ]);
  },
  notes: ['Jobs that the killed worker had fetched, and not begun, count among those not taken over, but not among those that were under way.'],
  seconds: { full: 330, quick: 150, smoke: 12 },
};
