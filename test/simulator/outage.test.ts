import { expect, test } from 'vitest';
import type { FaultPlan, JobPlan, Plan } from './plan.ts';
import { runPlan } from './simulate.ts';
import type { World } from './world.ts';

/** Steady load, ten minutes without the part, steady load again. Meanwhile fewer come, but more than the lanes that stand still can take. */
const STEADY_MS = 40_000;
const OUTAGE_MS = 600_000;
const BACK_MS = STEADY_MS + OUTAGE_MS;
const END_MS = BACK_MS + 40_000;
const STEADY_PER_SECOND = 60;
const MEANWHILE_PER_SECOND = 5;
/** Workers that start are no steady load. */
const WARM_MS = 10_000;

const isMeanwhile = (atMs: number): boolean => atMs >= STEADY_MS && atMs < BACK_MS;

/** A third of the jobs is buried, a third fails once and waits for a second. */
function drawJobs(newer: (serial: number, atMs: number) => boolean): JobPlan[] {
  const jobs: JobPlan[] = [];
  for (let atMs = 0; atMs < END_MS; atMs += 1000 / (isMeanwhile(atMs) ? MEANWHILE_PER_SECOND : STEADY_PER_SECOND)) {
    const serial = jobs.length + 1;
    const ends = { workMs: 5, waitMs: 1 };
    const says = (['done', 'dead', 'retry'] as const)[serial % 3] ?? 'done';
    jobs.push({
      serial, kind: 'q1g0.k0', entity: `q1g0e${serial % 301}`, atMs: Math.round(atMs), delayMs: 0, id: null, newerSchema: newer(serial, atMs),
      fates: [{ says, ...ends }, { says: 'done', ...ends }],
    });
  }
  return jobs;
}

function planWith(fault: Partial<FaultPlan>, newer: (serial: number, atMs: number) => boolean = () => false): Plan {
  return {
    seed: 1,
    settings: {
      partitions: 3, troubleMs: END_MS, latencyMs: 2, gapShare: 0, concurrency: 100, flushIntervalMs: 100, sessionTimeoutMs: 5000, drainTimeoutMs: 4000,
      abortGraceMs: 500, frontierPatienceMs: 1000, intakeJobs: 16_384, maxBytesPerPartition: 512 * 1024, compactionLagMs: 8000,
    },
    kinds: [{
      kind: 'q1g0.k0', queue: 'q1', group: 'q1g0', order: 'strict', whenBuried: 'continue', delivery: 'at-least-once', attempts: 3,
      backoff: { firstMs: 1000, factor: 2, maxMs: 10_000 }, timeoutMs: 60_000, batch: null, isNew: false,
    }],
    jobs: drawJobs(newer),
    poison: [],
    workers: [{ id: 'w1', atMs: 0, version: 'new' }, { id: 'w2', atMs: 0, version: 'new' }],
    faults: [{ atMs: STEADY_MS, forMs: OUTAGE_MS, ...fault } as FaultPlan],
    operator: [],
  };
}

/** Requests in the busiest second between two times. */
function busiest(timesMs: readonly number[], fromMs: number, toMs: number): number {
  const seconds = Map.groupBy(timesMs.filter((ms) => ms >= fromMs && ms < toMs), (ms) => Math.floor(ms / 1000));
  return Math.max(0, ...[...seconds.values()].map((times) => times.length));
}

test.each(['dlq', 'retry', 'events'] as const)('ten minutes without the %s topic bury no good job and lose none, and its return brings no herd', { timeout: 120_000 }, async (stream) => {
  const requests: number[] = [];
  const { violations } = await runPlan(planWith({ type: 'produce', stream, queue: 'q1', partition: null, how: 'refuse', share: 1 }), (world) => {
    world.cluster.faults.onProduce(({ topic }) => {
      if (topic === world.topicOf('q1', stream)) requests.push(world.clock.monotonic());
      return undefined;
    });
  });
  expect(violations).toEqual([]);
  const [steady, meanwhile, after] = [busiest(requests, WARM_MS, STEADY_MS), busiest(requests, STEADY_MS + 10_000, BACK_MS), busiest(requests, BACK_MS, Infinity)];
  // It is asked meanwhile, so that its return is noticed.
  expect(meanwhile).toBeGreaterThan(0);
  expect(meanwhile).toBeLessThanOrEqual(steady);
  expect(after, `requests in the busiest second: ${steady} before, ${after} after`).toBeLessThanOrEqual(1.5 * steady);
});

test('ten minutes without the registry bury no good job, hold up nobody but the jobs of the unknown schema, and its return brings no herd', { timeout: 120_000 }, async () => {
  let seen: World | undefined;
  const isUnknown = (serial: number, atMs: number): boolean => isMeanwhile(atMs) && serial % 50 === 0;
  const plan = planWith({ type: 'registry', how: 'down' }, isUnknown);
  // Its producer registers the schema just before; workers ask for it when it is away.
  const jobs = plan.jobs.with(0, { ...plan.jobs[0] as JobPlan, atMs: STEADY_MS - 20, newerSchema: true }).sort((a, b) => a.atMs - b.atMs);
  const { violations, story } = await runPlan({ ...plan, jobs }, (world) => { seen = world; });
  expect(violations).toEqual([]);
  const requests = seen?.registry.state.requestsAtMs ?? [];
  const [meanwhile, after] = [busiest(requests, STEADY_MS + 10_000, BACK_MS), busiest(requests, BACK_MS, Infinity)];
  expect(meanwhile).toBeGreaterThan(0);
  expect(after, `requests in the busiest second: ${meanwhile} meanwhile, ${after} after`).toBeLessThanOrEqual(1.5 * meanwhile);
  const known = jobs.filter(({ serial, atMs }) => isMeanwhile(atMs) && !isUnknown(serial, atMs)).length;
  const started = new Set(story.filter(({ type, atMs }) => type === 'start' && isMeanwhile(atMs)).map(({ place }) => place)).size;
  // Behind a job that waits for its schema stand a few of its entity.
  expect(started).toBeGreaterThan(0.85 * known);
});
