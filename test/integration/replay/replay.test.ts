import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createMillrace, dead, defineJob, retry, type JobContext, type Millrace, type ReplayOptions, type ReplaySummary } from 'millrace';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { jobV1, sampleJob } from '../../unit/worker/sampleJob.ts';
import { uniqueName } from '../../topicNames.ts';
import { until } from '../../until.ts';

const JOBS = 300;
const KEYS = 10;
const DEAD = 17;
const queue = uniqueName('replay');
const runs: { readonly sequence: number; readonly key: string; readonly replay: string | null }[] = [];
let millrace: Millrace;
let admin: Admin;
let middle = new Date(0);
/** Set: these jobs wait at their next attempt. */
let stuck: number | null = null;
let stuckId = '';

const job = defineJob({
  kind: 'orders.charge', queue, schema: jobV1, key: (payload: JobV1) => payload.note ?? '', retry: { attempts: 4, backoff: { first: '20ms', max: '20ms', jitter: 0 } },
  handle(payload: JobV1, ctx: JobContext) {
    if (payload.sequence === stuck) return retry('1h');
    // A third of them pass through the waiting room, so that tombstones tell of them.
    if (payload.sequence % 3 === 0 && ctx.attempt === 1) return retry();
    runs.push({ sequence: payload.sequence, key: payload.note ?? '', replay: ctx.replay?.name ?? null });
    return payload.sequence === DEAD ? dead('never') : undefined;
  },
});

const sorted = (list: Iterable<number>): number[] => [...list].toSorted((a, b) => a - b);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const inOrder = (): boolean => numbers(0, KEYS).every((key) => {
  const ofKey = runs.filter((run) => run.key === `key-${key}`).map((run) => run.sequence);
  return ofKey.every((sequence, at) => at === 0 || sequence > (ofKey[at - 1] ?? 0));
});
const replay = (options: ReplayOptions): Promise<ReplaySummary> => {
  runs.length = 0;
  return millrace.replay(queue, [job], options);
};

async function readTopic(topic: string): Promise<{ readonly key: string; readonly value: Buffer | null }[]> {
  const found: { readonly key: string; readonly value: Buffer | null }[] = [];
  await scanTopic({ broker: createKafkajsBroker({ brokers: [inject('brokers')] }), admin, topic, visit: (_partition, { key, value }) => { found.push({ key: key?.toString() ?? '', value }); } });
  return found;
}

/** A worker until every job was run, and stopped cleanly. */
async function workOff(sequences: readonly number[]): Promise<void> {
  const worker = await millrace.work([job]);
  await until(() => new Set(runs.map((run) => run.sequence)).size >= sequences.length, 'the jobs to run');
  await worker.stop();
  expect(sorted(new Set(runs.map((run) => run.sequence)))).toEqual(sorted(sequences));
}

beforeAll(async () => {
  millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), logger: createLogger({ level: 'silent', service: 'test' }), topics: { partitions: 3, replicationFactor: 1 } });
  admin = createKafkajsBroker({ brokers: [inject('brokers')] }).createAdmin({ clientId: 'test' });
  const enqueue = (from: number, to: number) => millrace.enqueueMany(job, numbers(from, to).map((sequence) => sampleJob(sequence, `key-${sequence % KEYS}`)));
  await enqueue(0, JOBS / 2);
  // The clock must tell the halves apart.
  const halfMs = Date.now();
  await until(() => Date.now() > halfMs + 5, 'the clock to move on');
  middle = new Date();
  await enqueue(JOBS / 2, JOBS);
  await workOff(numbers(0, JOBS));
});

afterAll(async () => {
  await millrace.close();
  await admin.close();
});

describe('on real Kafka', () => {
  test('a replay runs what its dry run counted, in order, and nothing of the queue changes', async () => {
    const look = async () => ({
      committed: await Promise.all(['', '.retry'].map((suffix) => admin.committed(`millrace.${queue}`, queue + suffix))),
      bounds: await Promise.all(['', '.retry', '.dlq', '.events'].map((suffix) => admin.logBounds(queue + suffix))),
    });
    const before = await look();
    const { plan } = await replay({ name: 'all', all: true, dryRun: true });
    expect(plan.jobs).toBe(JOBS);
    expect(runs).toEqual([]);
    expect(await replay({ name: 'all', all: true })).toMatchObject({ complete: true, done: JOBS - 1, dead: 1, deaths: [{ message: 'never' }] });
    expect(sorted(runs.map((run) => run.sequence))).toEqual(numbers(0, JOBS));
    expect(inOrder()).toBe(true);
    expect(new Set(runs.map((run) => run.replay))).toEqual(new Set(['all']));
    expect(await look()).toEqual(before);
  });

  test('a replay takes its range by time, or by offsets', async () => {
    expect((await replay({ name: 'late', range: { from: middle } })).plan.jobs).toBe(JOBS / 2);
    expect(sorted(runs.map((run) => run.sequence))).toEqual(numbers(JOBS / 2, JOBS));
    const offsets = new Map([[0, { from: 2, to: 9 }], [2, { to: 4 }]]);
    const { plan } = await replay({ name: 'some', range: { offsets } });
    expect(plan.partitions.map(({ from, to }) => to - from)).toEqual([7, 0, 4]);
    expect(runs.length).toBe(11);
    expect(inOrder()).toBe(true);
  });

  test('of two replays that begin under one name at once with other keys, one runs what it means, and the other is refused', async () => {
    runs.length = 0;
    const ends = await Promise.allSettled(['key-1', 'key-2'].map((key) => millrace.replay(queue, [job], { name: 'raced', all: true, keys: [key] })));
    const [won] = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    expect(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))).toMatchObject([{ code: 'BAD_REPLAY' }]);
    expect(won).toMatchObject({ complete: true, plan: { jobs: JOBS / KEYS } });
    expect(runs.length).toBe(JOBS / KEYS);
    expect(new Set(runs.map(({ key }) => key)).size).toBe(1);
  });

  test('offsets that are moved back let all run again, though tombstones call some of it settled, and leave what waits', async () => {
    // One job waits for long, so that the next owner restores all that came after it, tombstones too.
    stuck = 3000;
    stuckId = (await millrace.enqueue(job, sampleJob(stuck, 'stuck'))).id;
    const worker = await millrace.work([job]);
    runs.length = 0;
    const again = numbers(JOBS, JOBS + 60);
    await until(async () => (await admin.committed(`millrace.${queue}`, `${queue}.retry`)).some(({ position }) => position !== null), 'the stuck job to wait');
    await millrace.enqueueMany(job, again.map((sequence) => sampleJob(sequence, `key-${sequence % KEYS}`)));
    await until(() => new Set(runs.map((run) => run.sequence)).size === again.length, 'the new jobs to run');
    await expect(millrace.moveOffsets(queue, 'beginning')).rejects.toMatchObject({ code: 'GROUP_IN_USE' });
    await worker.stop();
    runs.length = 0;
    const planned = await millrace.moveOffsets(queue, 'beginning', { dryRun: true });
    expect(planned).toMatchObject({ again: JOBS + 60, skipped: 0, moved: false });
    expect(planned.partitions.reduce((sum, { waiting }) => sum + waiting, 0)).toBe(1);
    expect(await millrace.moveOffsets(queue, 'beginning')).toMatchObject({ again: JOBS + 60, moved: true });
    await workOff(numbers(0, JOBS + 60));
    expect(inOrder()).toBe(true);
    expect(runs.every((run) => run.replay === null)).toBe(true);
  });

  test('offsets that are moved forward want force for jobs that have not run, which then never do', async () => {
    stuck = null;
    runs.length = 0;
    await millrace.enqueueMany(job, numbers(400, 410).map((sequence) => sampleJob(sequence, `key-${sequence % KEYS}`)));
    await expect(millrace.moveOffsets(queue, 'end')).rejects.toMatchObject({ code: 'NEEDS_FORCE', message: expect.stringContaining('10 jobs') as string });
    expect(await millrace.moveOffsets(queue, 'end', { force: true })).toMatchObject({ skipped: 10, moved: true });
    await millrace.enqueue(job, sampleJob(500, 'key-0'));
    await workOff([500]);
  });

  test('jobs are cancelled by their ids alone, in the backlog and in the waiting room; one that is over is unknown', async () => {
    runs.length = 0;
    const [over, gone] = [await millrace.enqueue(job, sampleJob(601, 'key-0')), await millrace.enqueue(job, sampleJob(602, 'key-0'))];
    await millrace.cancel(queue, [gone.id, stuckId]);
    const worker = await millrace.work([job]);
    await until(async () => (await readTopic(`${queue}.retry`)).some(({ key, value }) => value === null && key === stuckId), 'what waited to be gone');
    await until(() => runs.length > 0, 'the job that was left to run');
    await worker.stop();
    expect(runs.map(({ sequence }) => sequence)).toEqual([601]);
    await expect(millrace.cancel(queue, over.id)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
  });
});
