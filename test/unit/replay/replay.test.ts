import { describe, expect, test } from 'vitest';
import { dead, defineJob, retry, type JobContext } from 'millrace';
import { replay } from '../../../shared/replay/replay.ts';
import { createInProcessStarter } from '../../../shared/testing/inProcessSandbox.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';
import { ascending, KEYS, sequencesByKey, silent, withHistory, type Handle, type Run } from './historyStage.ts';

describe('a replay', () => {
  test('runs each job of the range again, in its entity\'s order, with ctx.replay set, and leaves the queue as it is', () => withHistory(async ({ world, runs, again }) => {
    const { cluster } = world;
    const look = () => ({
      offsets: [0, 1].map((partition) => ['orders', 'orders.retry'].map((topic) => cluster.inspect.committed('millrace.orders', topic, partition))),
      logs: ['orders', 'orders.retry', 'orders.dlq', 'orders.events'].map((topic) => [0, 1].map((partition) => cluster.inspect.bounds(topic, partition))),
    });
    const before = look();
    const summary = await again({ name: 'again', all: true });
    expect(summary).toMatchObject({ complete: true, done: 40, dead: 0, plan: { jobs: 40, kinds: { charge: 32, mail: 8 } } });
    expect(runs.length).toBe(40);
    expect(new Set(runs.map((run) => run.replay))).toEqual(new Set(['again']));
    for (const sequences of sequencesByKey(runs)) expect(sequences).toEqual(ascending(sequences));
    expect(look()).toEqual(before);
  }));

  test('retries by the kind\'s policy while the entity waits and others go on, and reports the dead', () => {
    const failing: Handle = (payload, ctx) => {
      if (ctx.replay === null) return undefined;
      if (payload.sequence === 8) return ctx.attempt < 3 ? retry() : undefined;
      return payload.sequence === 5 ? dead('not again') : undefined;
    };
    return withHistory(async ({ runs, again }) => {
      const summary = await again({ name: 'with-trouble', all: true });
      expect(summary).toMatchObject({ complete: true, done: 39, dead: 1, deaths: [{ kind: 'mail', reason: 'dead', attempts: 1, message: 'not again', key: 'key-1' }] });
      const [first = []] = sequencesByKey(runs);
      expect(first).toEqual([0, 4, 8, 8, 8, 12, 16, 20, 24, 28, 32, 36]);
      expect(runs.findLastIndex((run) => run.sequence === 8)).toBeGreaterThan(runs.findIndex((run) => run.sequence === 39));
    }, { handle: failing });
  });

  test('counts in a dry run what the run then runs, by kinds and keys, and runs nothing', () => withHistory(async ({ runs, again }) => {
    const selection = { all: true, kinds: ['charge'], keys: ['key-1', 'key-2'] };
    const { plan } = await again({ name: 'some', ...selection, dryRun: true, perSecond: 8 });
    expect(runs).toEqual([]);
    expect(plan).toMatchObject({ jobs: 16, filtered: 24, takesMs: 2000 });
    await again({ name: 'some', ...selection });
    expect(runs.length).toBe(16);
    expect(new Set(runs.map((run) => run.key))).toEqual(new Set(['key-1', 'key-2']));
    expect(runs.every((run) => run.sequence % 5 !== 0)).toBe(true);
  }));

  test('takes the range from times, or from offsets of partitions', () => withHistory(async ({ world, runs, jobs, again }) => {
    const { clock, millrace, settle } = world;
    await clock.advance(60_000);
    const from = new Date(clock.now());
    for (const sequence of [100, 101, 102]) await settle(millrace.enqueue(jobs[0], sampleJob(sequence, 'key-0')));
    await clock.advance(60_000);
    const to = new Date(clock.now());
    const late = await settle(millrace.enqueue(jobs[0], sampleJob(103, 'key-0')));
    await again({ name: 'by-time', range: { from, to } });
    expect(runs.map((run) => run.sequence)).toEqual([100, 101, 102]);
    runs.length = 0;
    await again({ name: 'by-offset', range: { offsets: new Map([[late.partition, { from: late.offset - 1, to: late.offset + 1 }]]) } });
    expect(runs.map((run) => run.sequence)).toEqual([102, 103]);
  }));

  test('goes on where it was stopped, and does nothing when it is complete', () => withHistory(async ({ runs, again }) => {
    const stop = new AbortController();
    const first = await again({ name: 'in-two', all: true, perSecond: 10, progressEveryMs: 1, signal: stop.signal, progress: ({ settled }) => { if (settled >= 12) stop.abort(); } });
    expect(first).toMatchObject({ complete: false, stoppedBy: 'signal' });
    const before = runs.length;
    expect(before).toBeLessThan(40);
    const second = await again({ name: 'in-two' });
    expect(second).toMatchObject({ complete: true, plan: { jobs: 40 - before } });
    expect(ascending(runs.map((run) => run.sequence))).toEqual(Array.from({ length: 40 }, (_, at) => at));
    expect(await again({ name: 'in-two' })).toMatchObject({ complete: true, plan: { jobs: 0 }, done: 0 });
    expect(runs.length).toBe(40);
  }));

  test('takes no longer and no shorter than its rate says', () => withHistory(async ({ world, again }) => {
    const startMs = world.clock.monotonic();
    await again({ name: 'slow', all: true, perSecond: 4 });
    const tookMs = world.clock.monotonic() - startMs;
    expect(tookMs).toBeGreaterThan(9500);
    expect(tookMs).toBeLessThan(14_000);
  }));

  test('that stops at a death begins with that job when it goes on', () => {
    let fixed = false;
    return withHistory(async ({ runs, again }) => {
      const first = await again({ name: 'careful', all: true, onFailure: 'stop', perSecond: 20 });
      expect(first).toMatchObject({ complete: false, stoppedBy: 'death', dead: 1, deaths: [{ key: 'key-2', reason: 'dead' }] });
      const ofEntity = () => runs.filter((run) => run.key === 'key-2').map((run) => run.sequence);
      expect(ofEntity()).toEqual([2, 6]);
      fixed = true;
      const before = ofEntity().length;
      expect(await again({ name: 'careful', onFailure: 'stop' })).toMatchObject({ complete: true, dead: 0 });
      expect(ofEntity().slice(before)).toEqual([6, 10, 14, 18, 22, 26, 30, 34, 38]);
    }, { handle: (payload, ctx) => (ctx.replay !== null && !fixed && payload.sequence === 6 ? dead('stop here') : undefined) });
  });

  test('runs records that no client of ours wrote, and leaves alone what is scheduled for later', () => withHistory(async ({ world, runs, jobs, again }) => {
    const { cluster, millrace, settle } = world;
    const [one] = cluster.inspect.allRecords('orders').filter(({ key }) => key?.toString() === 'key-3');
    cluster.inspect.append('orders', one?.partition ?? 0, [{ key: 'key-3', value: one?.value ?? null }]);
    const foreign = defineJob({ kind: 'bench.Job', queue: 'orders', schema: jobV1, key: (payload) => payload.note ?? '', handle: () => { runs.push({ sequence: -1, key: 'foreign', attempt: 1, replay: null }); } });
    await settle(millrace.enqueue(jobs[0], sampleJob(200, 'key-3'), { delay: '1d' }));
    const { registry, clock } = world;
    const summary = await settle(replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', [...jobs, foreign], { name: 'foreign', all: true, keys: ['key-3'] }));
    expect(summary.plan).toMatchObject({ jobs: 11, later: 1, kinds: { 'bench.Job': 1 } });
    expect(runs.filter((run) => run.key === 'foreign').length).toBe(1);
    expect(runs.some((run) => run.sequence === 200)).toBe(false);
    await expect(again({ name: 'unhandled', all: true })).rejects.toMatchObject({ code: 'BAD_REPLAY', message: expect.stringContaining('bench.Job') as string });
  }));

  test('refuses a name that stands for another range or selection', () => withHistory(async ({ again }) => {
    await again({ name: 'taken', all: true, keys: ['key-0'] });
    await expect(again({ name: 'taken', keys: ['key-1'] })).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    await expect(again({ name: 'taken', keys: ['key-0'], range: { offsets: new Map([[0, { to: 1 }], [1, { to: 1 }]]) } })).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    await expect(again({ name: 'a name' })).rejects.toMatchObject({ code: 'BAD_REPLAY' });
  }));

  test('says what of the range Kafka has deleted', () => withHistory(async ({ world, again }) => {
    const { cluster } = world;
    const { endOffset } = cluster.inspect.bounds('orders', 0);
    cluster.inspect.deleteRecords('orders', 0, 3);
    const { plan } = await again({ name: 'lost', dryRun: true, range: { offsets: new Map([[0, { from: 1, to: endOffset }]]) } });
    expect(plan).toMatchObject({ deleted: 2, jobs: endOffset - 3 });
    expect((await again({ name: 'lost', dryRun: true, range: { from: new Date(0) } })).plan.maybeDeleted).toEqual([0]);
  }));

  test('is shared by those who run it under one name at once', () => withHistory(async ({ world, runs, jobs }) => {
    const { cluster, registry, clock, settle } = world;
    const both = await settle(Promise.all(['one', 'two'].map((workerId) => (
      replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', jobs, { name: 'shared', all: true, perSecond: 5, worker: { workerId } })
    ))));
    expect(both.map(({ complete }) => complete)).toEqual([true, true]);
    expect(both.map(({ done }) => done > 0)).toEqual([true, true]);
    expect(ascending(runs.map((run) => run.sequence))).toEqual(Array.from({ length: 40 }, (_, at) => at));
    for (const sequences of sequencesByKey(runs)) expect(sequences).toEqual(ascending(sequences));
  }));

  test('runs isolated kinds too, and their handlers know that it is one', () => withHistory(async ({ world, jobs }) => {
    const { cluster, registry, clock, settle } = world;
    const seen: (string | null)[] = [];
    const isolated = jobs.map((job) => defineJob({ kind: job.kind, queue: job.queue, schema: jobV1, key: (payload) => payload.note ?? '', isolated: { handler: new URL('file:///nowhere/handler.js') } }));
    const startSandbox = createInProcessStarter(Object.fromEntries(jobs.map(({ kind }) => [kind, (_payload: unknown, ctx: JobContext) => { seen.push(ctx.replay?.name ?? null); }])), clock);
    expect(await settle(replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', isolated, { name: 'boxed', all: true, worker: { startSandbox } }))).toMatchObject({ complete: true, done: 40 });
    expect(seen).toEqual(Array.from({ length: 40 }, () => 'boxed'));
  }));

  test.each([200, 400, 700, 1500, 30_000, 61_000, 62_000, 90_000])('that is killed after %i ms loses nothing, and repeats of each entity only its end', (killAfterMs) => withHistory(async ({ world, runs, jobs, again }) => {
    const { cluster, registry, clock } = world;
    const doomed = cluster.broker();
    void replay({ broker: doomed, registry, clock, logger: silent }, 'orders', jobs, { name: 'killed', all: true, perSecond: 20, worker: { workerId: 'doomed' } }).catch(() => undefined);
    await clock.advance(killAfterMs);
    cluster.faults.disconnect(doomed);
    const ended = (part: readonly Run[]): Run[] => part.filter((run) => run.sequence % 3 !== 0 || run.attempt > 1);
    const before = sequencesByKey(ended(runs));
    const count = runs.length;
    // A process that is gone runs nothing more; this one has to be let out.
    await clock.advance(30_000);
    runs.splice(count);
    expect(await again({ name: 'killed', all: true })).toMatchObject({ complete: true });
    for (const [key, after] of sequencesByKey(ended(runs.slice(count))).entries()) {
      const lane = Array.from({ length: 10 }, (_, at) => at * KEYS + key);
      expect(before[key]).toEqual(lane.slice(0, before[key]?.length));
      expect(after).toEqual(after.length === 0 ? [] : lane.slice(-after.length));
      expect((before[key]?.length ?? 0) + after.length).toBeGreaterThanOrEqual(lane.length);
    }
  }, { handle: (payload, ctx) => (ctx.replay !== null && payload.sequence % 3 === 0 && ctx.attempt === 1 ? retry() : undefined) }));
});
