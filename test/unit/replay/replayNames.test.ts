import { describe, expect, test } from 'vitest';
import { encodeReplayPoint } from '../../../shared/replay/replayPoint.ts';
import { replay } from '../../../shared/replay/replay.ts';
import type { ReplayOptions } from '../../../shared/replay/replayOptions.ts';
import { digestOf } from '../../../shared/replay/replaySelection.ts';
import { sampleJob } from '../worker/sampleJob.ts';
import { ascending, beforeItJoins, sequencesByKey, silent, withHistory, type HistoryStage } from './historyStage.ts';

const GROUP = 'millrace.orders.replay.raced';

const sequences = (all: number, keep: (sequence: number) => boolean): number[] => Array.from({ length: all }, (_, at) => at).filter(keep);

/** Several processes at once. */
const race = ({ world, jobs }: HistoryStage, each: readonly ReplayOptions[]) => world.settle(Promise.allSettled(each.map((options, at) => (
  replay({ broker: world.cluster.broker(), registry: world.registry, clock: world.clock, logger: silent }, 'orders', jobs, { ...options, worker: { workerId: `process-${at}` } })
))));

describe('of replays that begin at once under one name', () => {
  const others: [string, Partial<ReplayOptions>][] = [
    ['keys', { keys: ['key-1'] }], ['kinds', { keys: ['key-0'], kinds: ['mail'] }],
    ['range, though it ends where the other does', { keys: ['key-0'], all: false, range: { offsets: new Map([[0, { from: 3 }], [1, { from: 3 }]]) } }],
  ];
  test.each(others)('one runs, and the one with another %s is refused before it has settled anything', (_what, other) => withHistory(async (stage) => {
    const ends = await race(stage, [{ name: 'raced', all: true, keys: ['key-0'] }, { name: 'raced', all: true, ...other }]);
    const [won] = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    expect(ends.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: 'BAD_REPLAY' } }]);
    expect(won).toMatchObject({ complete: true, done: won?.plan.jobs });
    expect(stage.runs.length).toBe(won?.plan.jobs);
  }));

  test('one that finds another\'s word when it joins settles nothing of it, and says so', () => withHistory(async ({ world, runs, again }) => {
    const { cluster } = world;
    const broker = cluster.broker();
    const admin = broker.createAdmin({ clientId: 'other' });
    const digest = digestOf({ keys: ['key-1'] });
    const points = [0, 1].map((partition) => ({ partition, point: { offset: 2, from: 2, to: cluster.inspect.bounds('orders', partition).endOffset, digest, settled: 'm1' } }));
    const overwrite = () => admin.setCommitted(GROUP, points.map(({ partition, point }) => ({ partition, positions: [{ topic: 'orders', offset: point.offset, metadata: encodeReplayPoint(point) }] })));
    await expect(again({ name: 'raced', all: true, keys: ['key-0'] }, beforeItJoins(broker, GROUP, overwrite))).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    expect(runs).toEqual([]);
    for (const { partition, point } of points) expect(cluster.inspect.committed(GROUP, 'orders', partition)).toMatchObject({ offset: 2, metadata: encodeReplayPoint(point) });
    const { plan } = await again({ name: 'raced', keys: ['key-1'] });
    expect(runs.length).toBe(plan.jobs);
    expect(new Set(runs.map((run) => run.key))).toEqual(new Set(['key-1']));
  }));

  test('those that mean the same share it, also where the queue grew between their beginnings', () => withHistory(async (stage) => {
    const { world, jobs, runs } = stage;
    const { cluster, clock, millrace, settle, registry } = world;
    const start = (workerId: string) => replay({ broker: cluster.broker(), registry, clock, logger: silent }, 'orders', jobs, { name: 'raced', all: true, perSecond: 5, worker: { workerId } });
    const first = start('one');
    await clock.advance(3);
    cluster.inspect.append('orders', 0, cluster.inspect.records('orders', 0).slice(0, 1).map(({ key, value, headers }) => ({ key, value, headers: { ...headers, ce_id: 'late' } as never })));
    const second = start('two');
    const ends = await settle(Promise.all([first, second]));
    expect(ends.map(({ complete }) => complete)).toEqual([true, true]);
    expect(ends.map(({ done }) => done).reduce((sum, one) => sum + one)).toBe(ends[0]?.plan.jobs);
    expect(ends[1]?.plan.jobs).toBe(ends[0]?.plan.jobs);
    expect(new Set(runs.map(({ sequence }) => sequence)).size).toBe(40);
    await settle(millrace.close());
  }));
});

describe('a replay of a name', () => {
  test('goes on with the same range given again, though its open end has moved and Kafka has deleted its beginning', () => withHistory(async ({ world, jobs, runs, again }) => {
    const { cluster, millrace, settle } = world;
    const stop = new AbortController();
    const range = { from: new Date(Date.UTC(2026, 0, 1)) };
    await again({ name: 'open', range, perSecond: 10, progressEveryMs: 1, signal: stop.signal, progress: ({ settled }) => { if (settled >= 12) stop.abort(); } });
    await settle(millrace.enqueue(jobs[0], sampleJob(99, 'key-0')));
    for (const partition of [0, 1]) cluster.inspect.deleteRecords('orders', partition, cluster.inspect.committed('millrace.orders.replay.open', 'orders', partition)?.offset ?? 0);
    expect(await again({ name: 'open', range })).toMatchObject({ complete: true, begun: 'before' });
    expect(ascending(runs.map(({ sequence }) => sequence))).toEqual(sequences(40, () => true));
    for (const each of sequencesByKey(runs)) expect(each).toEqual(ascending(each));
  }));

  test.each<[string, Partial<ReplayOptions>]>([
    ['begins earlier', { range: { offsets: new Map([[0, { from: 2, to: 9 }]]) } }], ['ends later', { range: { offsets: new Map([[0, { from: 3, to: 10 }]]) } }],
    ['leaves a partition out', { range: { offsets: new Map([[1, { from: 3, to: 9 }]]) } }], ['names one more', { range: { offsets: new Map([[0, { from: 3, to: 9 }], [1, {}]]) } }], ['is all', { all: true }],
  ])('is refused with a range that %s', (_what, other) => withHistory(async ({ runs, again }) => {
    const stop = new AbortController();
    stop.abort();
    const range = { offsets: new Map([[0, { from: 3, to: 9 }]]) };
    await again({ name: 'fixed', range, onFailure: 'stop', perSecond: 1, progressEveryMs: 1 });
    runs.length = 0;
    await expect(again({ name: 'fixed', ...other })).rejects.toMatchObject({ code: 'BAD_REPLAY' });
    expect(await again({ name: 'fixed', range })).toMatchObject({ complete: true, begun: 'before', done: 0 });
    expect(runs).toEqual([]);
  }));

  test('goes on after the queue has got more partitions', () => withHistory(async ({ world, runs, again }) => {
    const stop = new AbortController();
    const first = await again({ name: 'grown', all: true, perSecond: 10, progressEveryMs: 1, signal: stop.signal, progress: ({ settled }) => { if (settled >= 12) stop.abort(); } });
    expect(first).toMatchObject({ begun: 'now', complete: false });
    const admin = world.cluster.broker().createAdmin({ clientId: 'a' });
    await world.settle(admin.alterTopics(['', '.retry', '.dlq', '.events'].map((suffix) => ({ name: `orders${suffix}`, partitions: 3 }))));
    // Twice: what the first of them commits must not keep the second from going on.
    const half = new AbortController();
    await again({ name: 'grown', perSecond: 10, progressEveryMs: 1, signal: half.signal, progress: ({ settled }) => { if (settled >= 8) half.abort(); } });
    expect(await again({ name: 'grown' })).toMatchObject({ complete: true });
    expect(ascending(runs.map(({ sequence }) => sequence))).toEqual(sequences(40, () => true));
  }));
});
