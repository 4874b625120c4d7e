import { describe, expect, test } from 'vitest';
import { defineJob, retry, type JobContext } from 'millrace';
import { createTestMillrace, type TestMillrace } from 'millrace/testing';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { Broker } from '../../../shared/kafka/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { moveOffsets, type MoveOptions, type MoveTarget } from '../../../shared/moveOffsets/moveOffsets.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

interface Stage {
  readonly world: TestMillrace;
  readonly runs: number[];
  readonly job: ReturnType<typeof define>;
  /** Lets a worker run until it has nothing left to do, then stops it. */
  work(): Promise<void>;
  enqueue(from: number, to: number): Promise<void>;
  move(to: MoveTarget, options?: MoveOptions, through?: (broker: Broker) => Broker): ReturnType<typeof moveOffsets>;
}

/** Each job whose sequence is divisible by 3 fails at its first attempt, so that it passes through the waiting room. */
function define(runs: number[], control: { stuck: number }) {
  return defineJob({
    kind: 'charge', queue: 'orders', schema: jobV1, key: (payload: JobV1) => payload.note ?? '', retry: { attempts: 9, backoff: { first: '10s', max: '10s', jitter: 0 } },
    handle(payload: JobV1, ctx: JobContext) {
      if (payload.sequence === control.stuck) return retry('5m');
      if (payload.sequence % 3 === 0 && ctx.attempt === 1) return retry();
      runs.push(payload.sequence);
      return undefined;
    },
  });
}

async function onStage(body: (stage: Stage, control: { stuck: number }) => Promise<void>): Promise<void> {
  const world = createTestMillrace({ partitions: 2 });
  const { millrace, settle, cluster, registry, clock } = world;
  const runs: number[] = [];
  const control = { stuck: -1 };
  const job = define(runs, control);
  await body({
    world, runs, job,
    async work() {
      const worker = await settle(millrace.work([job]));
      await clock.advance(60_000);
      await settle(worker.stop());
      await clock.advance(60_000);
    },
    async enqueue(from, to) { for (let sequence = from; sequence < to; sequence += 1) await settle(millrace.enqueue(job, sampleJob(sequence, `key-${sequence % 4}`))); },
    async move(to, options, through = (one) => one) {
      const broker = through(cluster.broker());
      const [admin, producer] = [broker.createAdmin({ clientId: 'a' }), broker.createProducer({ clientId: 'p' })];
      await settle(producer.start());
      return settle(moveOffsets({ broker, admin, producer, registry, clock }, 'orders', to, options));
    },
  }, control);
  await settle(millrace.close());
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const sorted = (runs: readonly number[]): number[] => runs.toSorted((a, b) => a - b);
const inOrder = (runs: readonly number[]): boolean => [0, 1, 2, 3].every((key) => {
  const ofKey = runs.filter((sequence) => sequence % 4 === key);
  return ofKey.every((sequence, at) => at === 0 || sequence > (ofKey[at - 1] ?? 0));
});

describe('offsets that are moved', () => {
  test('back to the beginning let every job run again, in order, and once', () => onStage(async ({ runs, work, enqueue, move }) => {
    await enqueue(0, 30);
    await work();
    expect(sorted(runs)).toEqual(numbers(0, 30));
    expect(await move('beginning', { dryRun: true })).toMatchObject({ again: 30, skipped: 0, moved: false });
    runs.length = 0;
    await work();
    expect(runs).toEqual([]);
    expect(await move('beginning')).toMatchObject({ again: 30, moved: true });
    await work();
    expect(sorted(runs)).toEqual(numbers(0, 30));
    expect(inOrder(runs)).toBe(true);
    runs.length = 0;
    await work();
    expect(runs).toEqual([]);
  }));

  test('back, while a job waits: it stays where it is, and what tombstones behind it call settled runs again too', () => onStage(async ({ world, runs, work, enqueue, move }, control) => {
    await enqueue(0, 20);
    control.stuck = 5;
    await work();
    expect(sorted(runs)).toEqual(numbers(0, 20).filter((one) => one % 4 !== 1 || one < 5));
    runs.length = 0;
    const { again, partitions } = await move('beginning');
    expect(again).toBe(16);
    expect(partitions.reduce((sum, { waiting }) => sum + waiting, 0)).toBe(4);
    control.stuck = -1;
    await work();
    await world.clock.advance(300_000);
    await work();
    expect(sorted(runs)).toEqual(numbers(0, 20));
    expect(inOrder(runs)).toBe(true);
  }));

  test('back to a time let only what came after it run again', () => onStage(async ({ world, runs, work, enqueue, move }) => {
    await enqueue(0, 10);
    await world.clock.advance(1000);
    const time = new Date(world.clock.now());
    await enqueue(10, 20);
    await work();
    runs.length = 0;
    expect(await move({ time })).toMatchObject({ again: 10 });
    await work();
    expect(sorted(runs)).toEqual(numbers(10, 20));
  }));

  test('forward past jobs that have not run are refused without force, and with it those jobs are told as cancelled and never run', () => onStage(async ({ world, runs, work, enqueue, move }) => {
    await enqueue(0, 8);
    await work();
    await enqueue(8, 16);
    await expect(move('end')).rejects.toMatchObject({ code: 'NEEDS_FORCE', message: expect.stringContaining('8 jobs') as string });
    const before = world.cluster.inspect.allRecords('orders.events').length;
    expect(await move('end', { force: true })).toMatchObject({ skipped: 8, again: 0, moved: true });
    expect(world.cluster.inspect.allRecords('orders.events').length).toBeGreaterThan(before);
    await enqueue(16, 20);
    await work();
    expect(sorted(runs)).toEqual([...numbers(0, 8), ...numbers(16, 20)]);
  }));

  test('forward leave what waits in the waiting room', () => onStage(async ({ world, runs, work, enqueue, move }, control) => {
    await enqueue(0, 12);
    control.stuck = 2;
    await work();
    await enqueue(12, 16);
    expect(await move('end', { force: true })).toMatchObject({ skipped: 4 });
    control.stuck = -1;
    runs.length = 0;
    await work();
    await world.clock.advance(300_000);
    await work();
    expect(runs).toEqual([2, 6, 10]);
  }));

  test('are refused while a worker is alive, and while one says what would happen, nothing does', () => onStage(async ({ world, job, enqueue, move }) => {
    await enqueue(0, 4);
    const worker = await world.settle(world.millrace.work([job]));
    await world.clock.advance(60_000);
    await expect(move('beginning')).rejects.toMatchObject({ code: 'GROUP_IN_USE' });
    expect(await move('beginning', { dryRun: true })).toMatchObject({ again: 4, moved: false });
    await world.settle(worker.stop());
  }));

  test('let a queue go on whose topics were made anew below what was committed', () => onStage(async ({ world, runs, work, enqueue, move }) => {
    const { cluster, settle } = world;
    await enqueue(0, 6);
    await work();
    const admin = cluster.broker().createAdmin({ clientId: 'a' });
    // As it is where Kafka has not forgotten the offsets with the topics.
    await settle(admin.setCommitted('millrace.orders', [0, 1].map((partition) => ({ partition, positions: [{ topic: 'orders', offset: 1000, metadata: 'm1' }, { topic: 'orders.retry', offset: 5000, metadata: 'r17.9' }] }))));
    runs.length = 0;
    await work();
    expect(runs).toEqual([]);
    expect(await move('beginning')).toMatchObject({ again: 6, skipped: 0, moved: true });
    await work();
    expect(sorted(runs)).toEqual(numbers(0, 6));
    expect(inOrder(runs)).toBe(true);
  }));

  test.each<[string, unknown]>([
    ['an offset behind the end', { offsets: new Map([[0, 100_000]]) }], ['an offset before the beginning', { offsets: new Map([[0, 3]]) }], ['a negative offset', { offsets: new Map([[0, -1]]) }],
    ['half an offset', { offsets: new Map([[0, 5.5]]) }], ['a partition that is not there', { offsets: new Map([[2, 5]]) }], ['no partition', { offsets: new Map() }], ['offsets that are no Map', { offsets: { 0: 5 } }],
    ['a time that is none', { time: new Date(NaN) }], ['a word that means nothing', 'start'], ['nothing', undefined],
  ])('are refused to %s, also with force, and stay', (_what, to) => onStage(async ({ world, work, enqueue, move }) => {
    const { cluster } = world;
    await enqueue(0, 20);
    await work();
    // As kafka-delete-records does.
    cluster.inspect.deleteRecords('orders', 0, 5);
    const before = [0, 1].map((partition) => cluster.inspect.committed('millrace.orders', 'orders', partition));
    for (const dryRun of [true, false]) await expect(move(to as MoveTarget, { force: true, dryRun })).rejects.toMatchObject({ code: 'BAD_COMMAND' });
    expect([0, 1].map((partition) => cluster.inspect.committed('millrace.orders', 'orders', partition))).toEqual(before);
    expect(await move({ offsets: new Map([[0, 5]]) })).toMatchObject({ moved: true, skipped: 0 });
  }));

  test('where Kafka has deleted jobs that had not run, count only those that are left', () => onStage(async ({ world, runs, work, enqueue, move }) => {
    const { cluster } = world;
    await enqueue(0, 20);
    const { endOffset } = cluster.inspect.bounds('orders', 0);
    cluster.inspect.deleteRecords('orders', 0, endOffset - 2);
    cluster.inspect.deleteRecords('orders', 1, cluster.inspect.bounds('orders', 1).endOffset);
    expect(await move('beginning')).toMatchObject({ again: 0, skipped: 0, moved: false });
    expect(await move('end', { dryRun: true })).toMatchObject({ again: 0, skipped: 2 });
    await work();
    expect(runs.length).toBe(2);
    expect(await move('beginning')).toMatchObject({ again: 2, skipped: 0, moved: true });
    await work();
    expect(runs.length).toBe(4);
  }));

  test.each(['beginning', 'end'] as const)('are refused to the %s over records that are damaged, and nothing is written', (to) => onStage(async ({ world, work, enqueue, move }) => {
    const { cluster } = world;
    await enqueue(0, 10);
    if (to === 'beginning') await work();
    const damaged = (broker: Broker): Broker => ({
      ...broker,
      createConsumer: (options, listener) => broker.createConsumer(options, {
        ...listener,
        fetched(batch) {
          if (batch.topic === 'orders' && batch.partition === 0) listener.unreadable?.('orders', 0, new MillraceError('RECORDS_UNREADABLE', { at: 'orders/0 at 0' }));
          else listener.fetched(batch);
        },
      }),
    });
    const look = () => ['orders', 'orders.retry', 'orders.events'].map((topic) => [cluster.inspect.bounds(topic, 0), cluster.inspect.committed('millrace.orders', topic, 0)]);
    const before = look();
    await expect(move(to, { force: true }, damaged)).rejects.toMatchObject({ code: 'RECORDS_UNREADABLE' });
    expect(look()).toEqual(before);
  }));
});
