import type { StatusTold } from '../children/statusPlan.ts';
import { judge } from '../check/judge.ts';
import type { Bench } from '../frame/bench.ts';
import { runLive, type Live } from '../frame/live.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { quantile } from '../frame/spread.ts';
import type { Load } from '../jobs/load.ts';
import { startChild } from '../process/child.ts';
import type { Settings } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';
import { createDatabase } from '../../test/postgres/createDatabase.ts';

const PER_SECOND = 500;
/** Of the jobs the first so many are not counted: compilers warm up. */
const WARM_SHARE = 0.2;

const load = (jobs: number): Load => ({ jobs, keys: 1000, skew: 'even', workMs: 0 });

/** Since when each job ought to have been sent; of repeated ones the first counts. */
function waitsUntil(intendedMs: Float64Array, times: Iterable<readonly [sequence: number, atMs: number]>): Float64Array {
  const first = new Float64Array(intendedMs.length).fill(Infinity);
  for (const [sequence, atMs] of times) first[sequence] = Math.min(first[sequence] ?? Infinity, atMs);
  const from = Math.floor(intendedMs.length * WARM_SHARE);
  return first.map((atMs, sequence) => atMs - (intendedMs[sequence] ?? 0)).subarray(from).filter((wait) => wait !== Infinity).sort();
}

function figuresOf({ client, runs, recorded, workerCpuSeconds, serverCpuSeconds }: Live, perSecond: number): Record<string, number | null> {
  const waits = waitsUntil(client.intendedMs, runs.map(({ sequence, startMs }) => [sequence, startMs]));
  const ends = waitsUntil(client.intendedMs, recorded);
  const jobs = client.intendedMs.length;
  return {
    perSecond, p50: quantile(waits, 0.5), p95: quantile(waits, 0.95), p99: quantile(waits, 0.99), p999: quantile(waits, 0.999), max: waits.at(-1) ?? null,
    shown50: ends.length === 0 ? null : quantile(ends, 0.5), shown99: ends.length === 0 ? null : quantile(ends, 0.99),
    micros: (workerCpuSeconds * 1e6) / jobs, serverMicros: serverCpuSeconds === null ? null : (serverCpuSeconds * 1e6) / jobs,
  };
}

async function measureSteady(bench: Bench, system: SystemName, settings: Settings, perSecond: number, seconds: number): Promise<Sample> {
  const jobs = load(Math.max(50, Math.round(perSecond * seconds)));
  const live = await runLive(bench, { system, load: jobs, settings, mode: { type: 'paced', perSecond } });
  return { figures: figuresOf(live, perSecond), check: judge(jobs, live.runs, settings) };
}

/** First how many jobs a second go through when a client keeps 64 under way; then half as many, at their times. */
async function measureHalf(bench: Bench, system: SystemName, settings: Settings, seconds: number): Promise<Sample> {
  const probe = load(pick(bench.size, system === 'millrace' ? 60_000 : 15_000, system === 'millrace' ? 20_000 : 4000, 200));
  const { seconds: took } = await runLive(bench, { system, load: probe, settings, mode: { type: 'singles', concurrency: 64 } });
  return measureSteady(bench, system, settings, Math.round(probe.jobs / took / 2), seconds);
}

/** With the status service beside it, until the job is shown as done. */
async function measureShown(bench: Bench, settings: Settings, perSecond: number, seconds: number): Promise<Sample> {
  const jobs = load(Math.max(50, Math.round(perSecond * seconds)));
  const database = await createDatabase((await bench.place('status', ['postgres'])).postgresUrl);
  const shown = new Map<string, number>();
  try {
    const live = await runLive(bench, {
      system: 'millrace', load: jobs, settings, mode: { type: 'paced', perSecond },
      async beside(place) {
        const status = startChild<StatusTold>('children/status.main.ts', { place, databaseUrl: database.url, jobs: jobs.jobs });
        await status.hear('ready');
        return async () => {
          status.send({ type: 'report' });
          const { rows } = await status.hear('seen');
          for (let at = 0; at < rows.length; at += 3) shown.set(`${rows[at]}/${rows[at + 1]}`, rows[at + 2] ?? 0);
          status.send({ type: 'stop' });
          await status.dismiss();
        };
      },
    });
    const recorded = new Map<number, number>();
    for (let sequence = 0; sequence < jobs.jobs; sequence++) {
      const atMs = shown.get(`${live.client.places[sequence * 2]}/${live.client.places[sequence * 2 + 1]}`);
      if (atMs !== undefined) recorded.set(sequence, atMs);
    }
    const check = judge(jobs, live.runs, settings);
    return { figures: figuresOf({ ...live, recorded }, perSecond), check: { ok: check.ok && recorded.size === jobs.jobs, text: `${check.text}, ${recorded.size.toLocaleString('en')} shown as done` } };
  } finally {
    await database.drop();
  }
}

async function contestants(size: Size): Promise<Contestant[]> {
  const seconds = pick(size, 15, 6, 1);
  const perSecond = pick(size, PER_SECOND, PER_SECOND, 100);
  const one = async (name: string, systemName: SystemName, settings: Settings, measure: (bench: Bench) => Promise<Sample>, more: Partial<Contestant> = {}): Promise<Contestant> => {
    const system = await loadSystem(systemName);
    return { name, needs: system.needs, durability: system.durability, versions: system.versions(), settings: `${system.describe(settings)}; ${seconds} s`, measure, ...more };
  };
  const steady = (name: string, system: SystemName, settings: Settings): Promise<Contestant> => one(name, system, settings, (bench) => measureSteady(bench, system, settings, perSecond, seconds));
  const half = (name: string, system: SystemName, settings: Settings): Promise<Contestant> =>
    one(`${name}, half its capacity`, system, settings, (bench) => measureHalf(bench, system, settings, seconds), { against: null });
  const strict = { concurrency: 100, order: 'strict' } as const;
  const fifty = { concurrency: 50, order: 'none' } as const;
  const notified = { concurrency: 50, order: 'none', loops: 2, batchSize: 25, notify: true } as const;
  return Promise.all([
    steady('millrace', 'millrace', strict),
    one('millrace and its status', 'millrace', strict, (bench) => measureShown(bench, strict, perSecond, seconds), { needs: ['kafka', 'postgres'] }),
    steady('BullMQ c50', 'bullmq', fifty),
    steady('BullMQ, AOF c50', 'bullmq-aof', fifty),
    steady('graphile-worker c50', 'graphile', fifty),
    steady('graphile-worker batched c50', 'graphile', { ...fifty, batched: true }),
    steady('pg-boss NOTIFY 2×25', 'pgboss', notified),
    half('millrace', 'millrace', strict),
    half('BullMQ c50', 'bullmq', fifty),
    half('graphile-worker batched c50', 'graphile', { ...fifty, batched: true }),
    half('pg-boss NOTIFY 2×25', 'pgboss', notified),
  ]);
}

const ms = (key: string, title: string) => ({ key, title: `${title} ms`, digits: 1 });

export const latencyScenario: Scenario = {
  name: 'latency', measures: 'an open loop of single sends: from when a job ought to be sent to its handler\'s start, at 500 a second and at half of what goes through',
  columns: [
    { key: 'perSecond', title: 'sent/s' }, ms('p50', 'p50'), ms('p95', 'p95'), ms('p99', 'p99'), ms('p999', 'p99.9'), ms('max', 'max'),
    ms('shown50', 'recorded p50'), ms('shown99', 'recorded p99'), { key: 'micros', title: 'worker µs/job' }, { key: 'serverMicros', title: 'server µs/job' },
  ],
  subject: 'millrace', compared: 'p99', smoke: ['millrace and its status'], contestants,
  goals: [
    { text: 'p50 at most 3 ms', contestant: 'millrace', column: 'p50', atMost: 3 },
    { text: 'p99 at most 10 ms', contestant: 'millrace', column: 'p99', atMost: 10 },
    { text: 'p99 at most twice BullMQ\'s', contestant: 'millrace', column: 'p99', over: ['BullMQ c50'], atMost: 2 },
  ],
  notes: [
    'Recorded: the system says that the job is done. millrace: its status tables show it, looked at every 10 ms; BullMQ and unbatched graphile-worker: their worker\'s event of completion.',
    'Counted from the time at which a job ought to have been sent, so that a sender that falls behind shows. The first fifth of the jobs is left out.',
    'Capacity: 64 single sends under way while one worker works them off. Producer, worker, server and status share the machine.',
  ],
  seconds: { full: 270, quick: 130, smoke: 30 },
};
