import { describe, expect, test } from 'vitest';
import { defineJob, retry } from 'millrace';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Broker } from '../../../shared/kafka/port.ts';
import { replay } from '../../../shared/replay/replay.ts';
import type { ReplayOptions } from '../../../shared/replay/replayOptions.ts';
import { encodeReplayPoint } from '../../../shared/replay/replayPoint.ts';
import { digestOf } from '../../../shared/replay/replaySelection.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';
import { beforeItJoins, silent, withHistory } from './historyStage.ts';

const all = true;

describe('a replay', () => {
  test.each<[string, Partial<Record<keyof ReplayOptions | 'kind', unknown>>]>([
    ['no range', {}], ['an empty range', { range: {} }], ['a range and all', { all, range: { from: new Date(0) } }], ['a time that is none', { range: { from: new Date(NaN) } }],
    ['a time as text', { range: { from: '2026-01-01' } }], ['offsets of no partition', { range: { offsets: new Map() } }], ['offsets that go back', { range: { offsets: new Map([[0, { from: 5, to: 4 }]]) } }],
    ['half an offset', { range: { offsets: new Map([[0, { from: 0.5 }]]) } }], ['an end that is no number', { range: { offsets: new Map([[0, { to: NaN }]]) } }], ['a partition that is not there', { range: { offsets: new Map([[7, {}]]) } }],
    ['no name', { name: undefined, all }], ['an endless rate', { all, perSecond: Infinity }], ['a kind as text', { all, kinds: 'charge' }], ['a kind without a name', { all, kinds: [''] }], ['no keys', { all, keys: [] }],
    ['an option that is misspelt', { all, kind: ['mail'] }], ['another end of failures', { all, onFailure: 'give-up' }],
  ])('is refused with %s, before anything runs', (_what, options) => withHistory(async ({ world, runs, again }) => {
    await expect(again({ name: 'absurd', ...options } as unknown as ReplayOptions)).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    await expect(again({ name: 'absurd', dryRun: true, ...options } as unknown as ReplayOptions)).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    expect(runs).toEqual([]);
    expect(world.cluster.inspect.committed('millrace.orders.replay.absurd', 'orders', 0)).toBeNull();
  }));

  test('that means no job says so, and leaves its name free', () => withHistory(async ({ world, again }) => {
    expect(await again({ name: 'typo', all, kinds: ['chrage'] })).toMatchObject({ complete: true, begun: null, plan: { jobs: 0, filtered: 40 } });
    expect(world.cluster.inspect.committed('millrace.orders.replay.typo', 'orders', 0)).toBeNull();
    expect(await again({ name: 'typo', all, kinds: ['mail'] })).toMatchObject({ complete: true, begun: 'now', done: 8 });
  }));

  test('says that its range ends later than the queue does now, and leaves what comes then', () => withHistory(async ({ world, jobs, runs, again }) => {
    const { clock, millrace, settle, cluster } = world;
    const to = new Date(clock.now() + 3_600_000);
    expect((await again({ name: 'ahead', range: { to }, dryRun: true })).plan).toMatchObject({ jobs: 40, endsLater: true });
    expect((await again({ name: 'ahead', range: { offsets: new Map([[0, { to: 1e9 }]]) }, dryRun: true })).plan.endsLater).toBe(true);
    expect((await again({ name: 'ahead', range: { to: new Date(clock.now()) }, dryRun: true })).plan.endsLater).toBe(false);
    const going = again({ name: 'ahead', range: { to }, perSecond: 10 });
    await clock.advance(500);
    await settle(millrace.enqueue(jobs[0], sampleJob(99, 'key-0')));
    expect(await going).toMatchObject({ complete: true, done: 40 });
    expect(runs.some(({ sequence }) => sequence === 99)).toBe(false);
    expect(cluster.inspect.allRecords('orders').length).toBe(41);
  }));

  test('runs what it counted: a job that comes due meanwhile is the queue\'s own affair', () => withHistory(async ({ world, jobs, runs, again }) => {
    const { millrace, settle, cluster, clock } = world;
    await settle(millrace.enqueue(jobs[0], sampleJob(77, 'key-0'), { delay: '30s' }));
    const broker = beforeItJoins(cluster.broker(), 'millrace.orders.replay.due-soon', () => new Promise((resolve) => { clock.after(60_000, resolve); }));
    const { plan, done } = await again({ name: 'due-soon', all }, broker);
    expect([plan.jobs, plan.later, done]).toEqual([40, 1, 40]);
    expect(runs.some(({ sequence }) => sequence === 77)).toBe(false);
  }));

  test('counts what cannot be read, tells of each as it dies, and is not held up by it', () => withHistory(async ({ world, runs, again }) => {
    const { cluster } = world;
    const text = (value: string): Buffer => Buffer.from(value);
    const strange = [
      { key: 'key-0', value: null }, { key: 'key-1', value: text('no avro') }, { key: null, value: Buffer.alloc(0) }, { key: 'key-2', value: Buffer.from([0, 0, 0, 99, 99, 1]) },
      { key: 'key-3', value: text('broken'), headers: { ce_type: 'charge', ce_id: 'broken' } }, { key: 'key-3', value: null, headers: { ce_type: 'mail', ce_id: 'nothing' } },
      { key: 'key-0', value: text('x'), headers: { ce_type: Buffer.from([0xff, 0xfe]), ce_id: Buffer.from([0xff]) } },
    ];
    for (const record of strange) cluster.inspect.append('orders', 0, [record]);
    cluster.inspect.skipOffsets('orders', 1, 5);
    const { plan } = await again({ name: 'strange', all, dryRun: true });
    expect(plan).toMatchObject({ jobs: 47, unhandled: [], kinds: { '(unreadable)': 5, charge: 33, mail: 9 } });
    const told: string[] = [];
    const summary = await again({ name: 'strange', all, died: ({ reason }) => { told.push(reason); } });
    expect(summary).toMatchObject({ complete: true, done: 40, dead: 7 });
    expect(told.length).toBe(7);
    expect(new Set(runs.map(({ sequence }) => sequence)).size).toBe(40);
    // A kind that is asked for is none that nobody can tell.
    expect((await again({ name: 'strange-2', all, kinds: ['charge'], dryRun: true })).plan).toMatchObject({ jobs: 33, filtered: 14 });
  }));

  test('is refused for a kind that has no definition here, but in a dry run, which names it', () => withHistory(async ({ world, jobs, runs }) => {
    const { cluster, registry, clock, settle } = world;
    const go = (options: Partial<ReplayOptions>) => settle(replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', [jobs[0]], { name: 'half', all, ...options }));
    expect((await go({ dryRun: true })).plan).toMatchObject({ jobs: 40, unhandled: ['mail'] });
    await expect(go({})).rejects.toMatchObject({ code: 'BAD_REPLAY', message: expect.stringContaining('mail') as string });
    expect(runs).toEqual([]);
    expect(await go({ kinds: ['charge'] })).toMatchObject({ complete: true, done: 32 });
  }));

  test('goes on over what Kafka has deleted since, says how much, and is complete', () => withHistory(async ({ world, runs, again }) => {
    const { cluster } = world;
    const stop = new AbortController();
    await again({ name: 'cut', all, perSecond: 10, progressEveryMs: 1, signal: stop.signal, progress: ({ settled }) => { if (settled >= 6) stop.abort(); } });
    const before = runs.length;
    for (const partition of [0, 1]) {
      cluster.inspect.append('orders', partition, cluster.inspect.records('orders', partition).slice(0, 2).map(({ key, value, headers }) => ({ key, value, headers: headers as never })));
      cluster.inspect.deleteRecords('orders', partition, cluster.inspect.bounds('orders', partition).endOffset - (partition === 0 ? 0 : 4));
    }
    const { plan } = await again({ name: 'cut', dryRun: true });
    expect(plan.jobs).toBe(2);
    expect(plan.deleted).toBe(40 - before - 2);
    expect(await again({ name: 'cut' })).toMatchObject({ complete: true, done: 2 });
    expect(await again({ name: 'cut' })).toMatchObject({ complete: true, done: 0, plan: { jobs: 0 } });
  }));

  test('that is stopped while it is counted has begun nothing', () => withHistory(async ({ world, runs, again }) => {
    const stop = new AbortController();
    stop.abort();
    expect(await again({ name: 'early', all, signal: stop.signal })).toMatchObject({ complete: false, stoppedBy: 'signal', begun: null, done: 0 });
    expect(runs).toEqual([]);
    expect(world.cluster.inspect.committed('millrace.orders.replay.early', 'orders', 0)).toBeNull();
  }));

  test('waits out what its jobs wait for, and is stopped meanwhile without settling them', () => {
    let failing = true;
    return withHistory(async ({ world, runs, again }) => {
      const stop = new AbortController();
      const going = again({ name: 'waits', all, signal: stop.signal });
      await world.clock.advance(5000);
      stop.abort();
      expect(await going).toMatchObject({ complete: false, stoppedBy: 'signal', done: 36 });
      failing = false;
      runs.length = 0;
      expect(await again({ name: 'waits' })).toMatchObject({ complete: true, done: 4 });
      expect(runs.map(({ sequence }) => sequence)).toEqual([24, 28, 32, 36]);
    }, { handle: (payload, ctx) => (ctx.replay !== null && failing && payload.sequence === 24 ? retry('1h') : undefined) });
  });

  test('of another queue\'s definitions runs nothing', () => withHistory(async ({ world }) => {
    const { cluster, registry, clock, settle } = world;
    const other = defineJob({ kind: 'charge', queue: 'elsewhere', schema: jobV1, key: null, order: 'none', handle: () => undefined });
    await expect(settle(replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', [other], { name: 'other', all }))).rejects.toMatchObject({ code: 'BAD_REPLAY' });
  }));

  test('ends where its topic is made anew, before and while it runs: what stands there now was not meant', () => withHistory(async ({ world, runs, again }) => {
    const { cluster, clock } = world;
    const going = again({ name: 'anew', all, perSecond: 1 });
    const outcome = expect(going).rejects.toMatchObject({ code: 'BAD_REPLAY', message: expect.stringContaining('made anew') as string });
    await clock.advance(5000);
    expect(runs.length).toBeGreaterThan(0);
    cluster.inspect.deleteTopic('orders');
    cluster.inspect.createTopic({ name: 'orders', partitions: 2 });
    await outcome;
    const point = (partition: number) => ({ partition, positions: [{ topic: 'orders', offset: 3, metadata: encodeReplayPoint({ offset: 3, from: 0, to: 20, digest: digestOf({}), settled: 'm1' }) }] });
    await world.settle(cluster.broker().createAdmin({ clientId: 'a' }).setCommitted('millrace.orders.replay.older', [point(0), point(1)]));
    await expect(again({ name: 'older' })).rejects.toMatchObject({ code: 'BAD_REPLAY', message: expect.stringContaining('made anew') as string });
  }));

  test('ends when Kafka gives back damaged records for long, and goes on when they are whole again', () => withHistory(async ({ world, runs, again }) => {
    let isDamaged = true;
    const broker = world.cluster.broker();
    const damaged: Broker = {
      ...broker,
      createConsumer: (options, listener) => broker.createConsumer(options, options.group !== 'millrace.orders.replay.damaged' ? listener : {
        ...listener,
        fetched(batch) {
          if (isDamaged && batch.partition === 0) listener.unreadable?.(batch.topic, 0, new MillraceError('RECORDS_UNREADABLE', { at: 'orders/0 at 0' }));
          else listener.fetched(batch);
        },
      }),
    };
    const startMs = world.clock.monotonic();
    await expect(again({ name: 'damaged', all }, damaged)).rejects.toMatchObject({ code: 'RECORDS_UNREADABLE' });
    expect(world.clock.monotonic() - startMs).toBeLessThan(60_000);
    const before = runs.length;
    isDamaged = false;
    expect(await again({ name: 'damaged' }, damaged)).toMatchObject({ complete: true, done: 40 - before });
  }));
});
