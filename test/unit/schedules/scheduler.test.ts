import { describe, expect, it } from 'vitest';
import { createMillrace, defineJob, type JobContext, type OverlapPolicy } from 'millrace';
import { createTestMillrace, type TestMillrace } from 'millrace/testing';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

const START = Date.UTC(2026, 0, 1);

interface Ran { readonly id: string; readonly tick: JobContext['tick']; readonly startMs: number; endMs: number | null; cancelled: boolean }

/** A kind whose runs take so long, or until they are cancelled. */
function openReports({ clock }: TestMillrace, tookMs: number) {
  const ran: Ran[] = [];
  const job = defineJob({
    kind: 'report.write', queue: 'reports', schema: jobV1, key: null, order: 'none', timeout: '10m',
    async handle(_payload: JobV1, ctx: JobContext) {
      const run: Ran = { id: ctx.id, tick: ctx.tick, startMs: clock.now() - START, endMs: null, cancelled: false };
      ran.push(run);
      await new Promise<void>((resolve) => {
        const cancel = clock.after(tookMs, resolve);
        ctx.signal.addEventListener('abort', () => { run.cancelled = true; cancel(); resolve(); });
      });
      run.endMs = clock.now() - START;
      if (run.cancelled) throw ctx.signal.reason;
    },
  });
  return { job, ran };
}

/** Another process on the same Kafka. */
function openAnother({ cluster, registry, clock }: TestMillrace, seed: number) {
  let count = 0;
  const broker = cluster.broker();
  return { broker, millrace: createMillrace({ brokers: [], registryUrl: '', broker, registry, clock, random: () => (((count += 1) * 0.6180339887 + seed * 0.01) % 1), topics: { partitions: 1, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'test', clock }) }) };
}

describe('the scheduler', () => {
  it('enqueues one job for each tick, with an id made of name and tick', async () => {
    const test = createTestMillrace();
    const { millrace, settle, clock } = test;
    const { job, ran } = openReports(test, 10);
    await settle(millrace.work([job]));
    await settle(millrace.schedules.put({ name: 'books', every: '1m', job, payload: sampleJob(1) }));
    await settle(millrace.runScheduler());
    await clock.advanceTo(START + 185_000);
    expect(ran.map(({ id }) => id)).toEqual(['books@2026-01-01T00:01:00.000Z', 'books@2026-01-01T00:02:00.000Z', 'books@2026-01-01T00:03:00.000Z']);
    expect(ran[0]?.tick).toEqual({ schedule: 'books', at: new Date(START + 60_000) });
    for (const [index, { startMs }] of ran.entries()) expect(startMs - (index + 1) * 60_000).toBeLessThan(1000);
    expect(await settle(millrace.schedules.get('books'))).toMatchObject({ counts: { started: 3, ticked: 3, skipped: 0, missed: 0 }, running: [], recent: [{ end: 'done' }, { end: 'done' }, { end: 'done' }] });
    await settle(millrace.close());
  });

  const policies: readonly [OverlapPolicy, readonly (readonly [startS: number, endS: number, cancelled?: true])[]][] = [
    ['skip', [[60, 150], [180, 270]]],
    ['buffer-one', [[60, 150], [150, 240], [240, 330]]],
    ['buffer-all', [[60, 150], [150, 240], [240, 330]]],
    ['allow-all', [[60, 150], [120, 210], [180, 270], [240, 330]]],
    ['cancel-other', [[60, 120, true], [120, 180, true], [180, 240, true], [240, 330]]],
    ['terminate-other', [[60, 120, true], [120, 180, true], [180, 240, true], [240, 330]]],
  ];
  it.each(policies)('%s: does at a tick what the policy says while a run is under way', async (overlap, expected) => {
    const test = createTestMillrace();
    const { millrace, settle, clock } = test;
    const { job, ran } = openReports(test, 90_000);
    await settle(millrace.work([job]));
    await settle(millrace.schedules.put({ name: 'books', every: '1m', job, payload: sampleJob(1), overlap, endAt: new Date(START + 299_000) }));
    await settle(millrace.runScheduler());
    await clock.advanceTo(START + 345_000);
    const seconds = (ms: number | null): number => Math.floor((ms ?? 0) / 1000);
    expect(ran.map(({ startMs, endMs, cancelled }) => (cancelled ? [seconds(startMs), seconds(endMs), true] : [seconds(startMs), seconds(endMs)])).slice(0, expected.length)).toEqual(expected);
    await settle(millrace.close());
  });

  it('makes up for what was missed while none ran, once, whichever of two takes it', async () => {
    const test = createTestMillrace();
    const { millrace, settle, clock } = test;
    const { job, ran } = openReports(test, 10);
    await settle(millrace.work([job]));
    await settle(millrace.schedules.put({ name: 'books', every: '1m', job, payload: sampleJob(1), overlap: 'buffer-all' }));
    await clock.advanceTo(START + 150_000);
    const [one, two] = [openAnother(test, 1).millrace, openAnother(test, 2).millrace];
    await settle(Promise.all([one.runScheduler(), two.runScheduler()]));
    await clock.advanceTo(START + 200_000);
    await settle(one.close());
    await clock.advanceTo(START + 310_000);
    await settle(two.close());
    expect(ran.map(({ id }) => id.slice(-9, -5))).toEqual(['1:00', '2:00', '3:00', '4:00', '5:00']);
    await settle(millrace.close());
  });

  it('pauses, runs now, resumes, and does not make up for ticks of the pause', async () => {
    const test = createTestMillrace();
    const { millrace, settle, clock } = test;
    const { job, ran } = openReports(test, 10);
    await settle(millrace.work([job]));
    await settle(millrace.schedules.put({ name: 'books', every: '1m', job, payload: sampleJob(1) }));
    await settle(millrace.runScheduler());
    await settle(millrace.schedules.pause('books', 'audit'));
    await clock.advanceTo(START + 130_000);
    expect(ran).toEqual([]);
    const { jobId } = await settle(millrace.schedules.runNow('books'));
    await clock.advance(1000);
    expect(ran.map(({ id }) => id)).toEqual([jobId]);
    await settle(millrace.schedules.resume('books'));
    await clock.advanceTo(START + 185_000);
    expect(ran.map(({ id }) => id)).toEqual([jobId, 'books@2026-01-01T00:03:00.000Z']);
    expect((await settle(millrace.schedules.get('books')))?.counts).toMatchObject({ pausedOver: 2, ticked: 1, started: 2 });
    expect(await settle(millrace.schedules.backfill('books', { from: new Date(START + 60_000), to: new Date(START + 120_000) }))).toEqual({ ticks: 2 });
    await clock.advance(2000);
    expect(ran.slice(2).map(({ id }) => id.slice(0, 30))).toEqual(['books@2026-01-01T00:01:00.000Z', 'books@2026-01-01T00:02:00.000Z']);
    expect(await settle(millrace.schedules.remove('books'))).toBe(true);
    await clock.advance(120_000);
    expect(ran).toHaveLength(4);
    await settle(millrace.close());
  });
});
