import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import { judge } from '../check/judge.ts';
import { runLive } from '../frame/live.ts';
import type { Bench } from '../frame/bench.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { machineMs } from '../process/machineClock.ts';
import type { Settings } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';

const PER_SECOND = 200;

/** A service that handlers call: it answers each call at once, or refuses to connect. It lives in this process, so it counts what reaches it. */
async function openDependency(): Promise<{ readonly port: number; readonly calls: number[]; up(): Promise<void>; down(): Promise<void> }> {
  const [port = 0] = await freePorts([0]);
  const calls: number[] = [];
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  return {
    port, calls,
    async up() {
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
        calls.push(machineMs());
        socket.write('ok');
      }).listen(port, '127.0.0.1', 1024);
      await once(server, 'listening');
    },
    async down() {
      const closing = server;
      server = null;
      if (closing === null) return;
      const closed = once(closing, 'close');
      closing.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Calls in the busiest second of a stretch. */
function peak(calls: readonly number[], fromMs: number, toMs: number): number {
  const within = calls.filter((ms) => ms >= fromMs && ms < toMs);
  let most = 0;
  for (let first = 0, next = 0; next < within.length; next++) {
    while ((within[next] ?? 0) - (within[first] ?? 0) > 1000) first++;
    most = Math.max(most, next - first + 1);
  }
  return most;
}

async function measureOutage(bench: Bench, system: SystemName, settings: Settings): Promise<Sample> {
  const beforeMs = pick(bench.size, 5000, 3000, 500);
  const outageMs = pick(bench.size, 30_000, 10_000, 700);
  const afterMs = pick(bench.size, 10_000, 5000, 500);
  const perSecond = pick(bench.size, PER_SECOND, PER_SECOND, 50);
  const dependency = await openDependency();
  const load: Load = { jobs: Math.round((perSecond * (beforeMs + outageMs + afterMs)) / 1000), keys: 1000, skew: 'even', workMs: 0, dependencyPort: dependency.port };
  let downMs = 0;
  let upMs = 0;
  const timers: NodeJS.Timeout[] = [];
  await dependency.up();
  try {
    const live = await runLive(bench, {
      system, load, settings, mode: { type: 'paced', perSecond }, patienceMs: pick(bench.size, 180_000, 60_000, 20_000),
      began() {
        timers.push(setTimeout(() => { downMs = machineMs(); void dependency.down(); }, beforeMs));
        timers.push(setTimeout(() => { upMs = machineMs(); void dependency.up(); }, beforeMs + outageMs));
      },
    });
    const due = live.client.intendedMs;
    const done = live.runs.filter(({ ending }) => ending === 'done');
    const late = done.filter(({ sequence }) => (due[sequence] ?? 0) < upMs && (due[sequence] ?? 0) >= downMs - 1000);
    const drained = late.reduce((latest, { endMs }) => Math.max(latest, endMs), upMs);
    const check = judge(load, live.runs, settings);
    const buried = load.jobs - new Set(done.map(({ sequence }) => sequence)).size;
    return {
      figures: {
        buried, drain: (drained - upMs) / 1000, peak: peak(dependency.calls, upMs, Infinity), usual: peak(dependency.calls, 0, downMs),
        attempts: live.runs.filter(({ startMs }) => startMs >= downMs && startMs < upMs).length, micros: (live.workerCpuSeconds * 1e6) / load.jobs,
      },
      check: { ok: check.ok && buried === 0, text: `${check.text}, ${buried} buried` },
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    await dependency.down();
  }
}

async function contestant(name: string, systemName: SystemName, settings: Settings, retries: string): Promise<Contestant> {
  const system = await loadSystem(systemName);
  return { name, needs: system.needs, durability: system.durability, versions: system.versions(), settings: `${system.describe(settings)}; ${retries}`, measure: (bench) => measureOutage(bench, systemName, settings) };
}

export const outageScenario: Scenario = {
  name: 'outage', measures: `${PER_SECOND} jobs a second call a service, which refuses all calls for 30 s`,
  columns: [
    { key: 'buried', title: 'buried or lost' }, { key: 'drain', title: 'drained after, s', digits: 1 }, { key: 'usual', title: 'usual peak calls/s' }, { key: 'peak', title: 'peak at its return' },
    { key: 'attempts', title: 'attempts while down' }, { key: 'micros', title: 'worker CPU µs/job' },
  ],
  subject: 'millrace', compared: 'drain',
  smoke: ['millrace'],
  contestants: (size: Size) => {
    // Tiny outages want quick retries.
    const backoff = { retryMs: pick(size, 1000, 1000, 100), retryFactor: 2, attempts: 10 };
    const words = `${backoff.attempts} attempts, exponential backoff from ${backoff.retryMs} ms`;
    return Promise.all([
      contestant('millrace', 'millrace', { concurrency: 100, order: 'strict', ...backoff }, words),
      contestant('BullMQ c100', 'bullmq', { concurrency: 100, order: 'none', ...backoff }, words),
      contestant('graphile-worker batched c100', 'graphile', { concurrency: 100, order: 'none', batched: true, ...backoff }, 'its defaults: 25 attempts, exponential backoff from 2.7 s'),
      contestant('pg-boss 4×25', 'pgboss', { concurrency: 100, order: 'none', loops: 4, batchSize: 25, ...backoff }, `${backoff.attempts} attempts, retryBackoff from 1 s`),
    ]);
  },
  goals: [{ text: 'nothing buried', contestant: 'millrace', column: 'buried', atMost: 0 }],
  notes: [
    'Drained: from the service\'s return until the last job that was sent before it, and not done, is done.',
    'In quick and smoke the outage is shorter (10 s, 0.7 s).',
  ],
  seconds: { full: 300, quick: 120, smoke: 25 },
};
