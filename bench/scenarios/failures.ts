import { judge } from '../check/judge.ts';
import type { Run } from '../check/journal.ts';
import type { Bench } from '../frame/bench.ts';
import { drain } from '../frame/drain.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { isSick, keyOf, type Load } from '../jobs/load.ts';
import type { Settings } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';

const WORK_MS = 10;
const RETRY_MS = 1000;
const JOBS_AN_ENTITY = 4;

/** Ends of entities of which no job ever fails: with failures they ought to come as early as without. */
function healthyRate(load: Load, runs: readonly Run[], startMs: number): number {
  const healthy = runs.filter(({ sequence, ending }) => ending !== 'again' && !isSick(load, keyOf(load, sequence)));
  const last = healthy.reduce((latest, { endMs }) => Math.max(latest, endMs), startMs);
  return (healthy.length * 1000) / (last - startMs);
}

/** A run without failures and one with them, one after the other: the second is held against the first. */
async function measureFailures(bench: Bench, system: SystemName, jobs: number, settings: Settings): Promise<Sample> {
  const sick: Load = { jobs, keys: Math.ceil(jobs / JOBS_AN_ENTITY), skew: 'even', workMs: WORK_MS, sick: true };
  const clean = await drain(bench, { system, load: { ...sick, sick: false }, settings });
  const failing = await drain(bench, { system, load: sick, settings });
  const checks = [judge(sick, clean.runs, settings), judge(sick, failing.runs, settings)];
  const cleanHealthy = healthyRate(sick, clean.runs, clean.startMs);
  const failingHealthy = healthyRate(sick, failing.runs, failing.startMs);
  return {
    figures: {
      clean: jobs / clean.seconds, rate: jobs / failing.seconds, kept: (100 * clean.seconds) / failing.seconds, healthy: (100 * failingHealthy) / cleanHealthy,
      seconds: failing.seconds, attempts: failing.runs.length / jobs, micros: (failing.workerCpuSeconds * 1e6) / jobs,
    },
    check: { ok: checks.every(({ ok }) => ok), text: `clean: ${checks[0]?.text}; failing: ${checks[1]?.text}` },
  };
}

async function contestant(name: string, systemName: SystemName, size: Size, given: Partial<Settings>): Promise<Contestant> {
  const system = await loadSystem(systemName);
  const jobs = pick(size, 100_000, 60_000, 200);
  const settings: Settings = { concurrency: 100, order: 'none', retryMs: pick(size, RETRY_MS, RETRY_MS, 100), attempts: 3, ...given };
  return {
    name, needs: system.needs, durability: system.durability, versions: system.versions(),
    settings: `${system.describe(settings)}; ${jobs.toLocaleString('en')} jobs, ${JOBS_AN_ENTITY} an entity; 3 attempts, ${systemName === 'graphile' ? 'its own exponential backoff (from 2.7 s)' : `tried again after ${systemName === 'pgboss' ? 1000 : settings.retryMs} ms`}`,
    measure: (bench) => measureFailures(bench, systemName, jobs, settings),
  };
}

export const failuresScenario: Scenario = {
  name: 'failures', measures: `a ${WORK_MS} ms handler; 10 % of the jobs fail once, 1 % die, all of them in a fifth of the entities; against the same run without failures`,
  columns: [
    { key: 'clean', title: 'clean jobs/s' }, { key: 'rate', title: 'failing jobs/s' }, { key: 'kept', title: '% kept' }, { key: 'healthy', title: '% kept by healthy entities' },
    { key: 'seconds', title: 'failing s', digits: 1 }, { key: 'attempts', title: 'attempts/job', digits: 3 }, { key: 'micros', title: 'worker CPU µs/job', digits: 1 },
  ],
  subject: 'millrace, strict order', compared: 'rate',
  smoke: ['millrace, strict order'],
  contestants: (size) => Promise.all([
    contestant('millrace, strict order', 'millrace', size, { order: 'strict' }),
    contestant('BullMQ c100', 'bullmq', size, {}),
    contestant('graphile-worker batched c100', 'graphile', size, { batched: true }),
    contestant('pg-boss 4×25', 'pgboss', size, { loops: 4, batchSize: 25 }),
  ]),
  goals: [
    { text: 'at least 70 % of the clean run\'s throughput', contestant: 'millrace, strict order', column: 'kept', atLeast: 70 },
    { text: 'healthy entities at least 90 %', contestant: 'millrace, strict order', column: 'healthy', atLeast: 90 },
  ],
  notes: [
    `Who keeps order makes an entity's jobs wait for its failed one: up to ${JOBS_AN_ENTITY} times the wait of a retry after another, whatever the rest does.`,
    'Peers keep no order here: a failed job\'s successors overtake it. pg-boss key_strict_fifo is left out, as one dead job blocks its key until somebody clears it.',
    'A thrown error that says so buries a job at once (graphile-worker: maxAttempts 1 for those jobs).',
  ],
  seconds: { full: 190, quick: 130, smoke: 15 },
};
