import { expect, test, vi } from 'vitest';
import { defineJob, done, locked, retry, snooze, type JobDefinition } from 'millrace';
import { createTestMillrace, type TestMillrace } from 'millrace/testing';
import { jobEventsV2, type JobEventV2 } from '../../../schemas/millrace.JobEvents/payload.generated.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createCodec, createReader } from '../../../shared/avro/codec.ts';
import { readSchemaId } from '../../../shared/avro/wireFormat.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import type { Outcome } from '../../../shared/jobs/outcome.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

type Handle = (payload: JobV1, ctx: JobContext) => Promise<Outcome | void> | Outcome | void;

function mail(handle: Handle, rest: object = {}): JobDefinition<'mail.send', JobV1> {
  return defineJob({ kind: 'mail.send', queue: 'mail', schema: jobV1, key: (payload) => payload.note ?? '', retry: { attempts: 1 }, handle, ...rest });
}

async function eventsOf({ registry, cluster, clock }: TestMillrace): Promise<JobEventV2[]> {
  const codec = createCodec({ registry, clock });
  const reader = createReader(jobEventsV2);
  const events: JobEventV2[] = [];
  for (const { value } of cluster.inspect.records('mail.events', 0)) {
    await codec.load(readSchemaId(value));
    events.push(...codec.decode(value, reader).events);
  }
  return events;
}

const typesOf = async (test: TestMillrace): Promise<string[]> => (await eventsOf(test)).map(({ type }) => type);

test('a burial that two operators redrive runs once, and with the payload that they gave it', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, clock } = rig;
  const ran: string[] = [];
  let broken = true;
  const job = mail((payload) => {
    ran.push(payload.orderId);
    if (broken) throw new Error('no');
  });
  const first = await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(1)));
  while ((await settle(millrace.listBuried('mail'))).length === 0);
  broken = false;
  const edit = (): readonly [typeof job, JobV1] => [job, { ...sampleJob(1), orderId: 'mended' }];
  await settle(Promise.all([millrace.redrive('mail', () => true, { edit }), millrace.redrive('mail', () => true, { edit })]));
  await clock.advance(5000);
  await settle(first.stop());
  await settle(millrace.work([job]));
  await settle(millrace.redrive('mail', () => true));
  await clock.advance(5000);
  expect(ran).toEqual(['order-1', 'mended']);
  expect(await typesOf(rig)).toEqual(['buried', 'redriven', 'done']);
  await settle(millrace.close());
});

test('a job that was redriven with another payload keeps that through a restart, though the log has the old one too', async () => {
  const { millrace, settle, clock } = createTestMillrace();
  const ran: string[] = [];
  const job = mail((payload, ctx) => {
    ran.push(payload.orderId);
    if (payload.orderId !== 'mended') throw new Error('no');
    return ran.length < 3 && ctx.attempt > 0 ? snooze('1m') : undefined;
  }, { whenBuried: 'hold' });
  const first = await settle(millrace.work([job]));
  // It waits before the other one, and so the log is restored from there.
  await settle(millrace.enqueue(job, sampleJob(0), { delay: '1d' }));
  await clock.advance(2000);
  await settle(millrace.enqueue(job, sampleJob(1)));
  while ((await settle(millrace.listBuried('mail'))).length === 0);
  await clock.advance(2000);
  await settle(millrace.redrive('mail', () => true, { edit: () => [job, { ...sampleJob(1), orderId: 'mended' }] }));
  await clock.advance(2000);
  expect(ran).toEqual(['order-1', 'mended']);
  await settle(first.stop());
  await settle(millrace.work([job]));
  await clock.advance(65_000);
  expect(ran).toEqual(['order-1', 'mended', 'mended']);
  await settle(millrace.close());
});

test('an edit that answers with the payload alone is refused before anything is redriven', async () => {
  const { millrace, settle, clock } = createTestMillrace();
  let runs = 0;
  const job = mail(() => {
    runs += 1;
    throw new Error('no');
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(1)));
  while ((await settle(millrace.listBuried('mail'))).length === 0);
  for (const edited of [sampleJob(1), [sampleJob(1)], [job], null, ['mail.send', sampleJob(1)]]) {
    await expect(settle(millrace.redrive('mail', () => true, { edit: () => edited as never }))).rejects.toMatchObject({ code: 'BAD_COMMAND', message: expect.stringContaining('[definition, payload]') as string });
  }
  await clock.advance(5000);
  expect(runs).toBe(1);
  await settle(millrace.close());
});

test('a cancelled job that runs hears of it, and is done only if it says so', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, until } = rig;
  const reasons: unknown[] = [];
  const job = mail((payload, { signal }) => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      reasons.push((signal.reason as { code: string }).code);
      if (payload.sequence === 1) resolve(done());
      else reject(new Error('stopped'));
    });
  }), { timeout: null, retry: { attempts: 5 } });
  await settle(millrace.work([job]));
  const receipts = await settle(millrace.enqueueMany(job, [sampleJob(1, 'a'), sampleJob(2, 'b'), sampleJob(3, 'b')]));
  await until(() => rig.cluster.inspect.records('mail.events', 0).length > 0);
  await settle(millrace.cancel('mail', receipts.slice(1)));
  await settle(millrace.cancel('mail', receipts[0] as (typeof receipts)[0]));
  await until(() => rig.cluster.inspect.committed('millrace.mail', 'mail', 0)?.offset === 3);
  expect(reasons).toEqual(['CANCELLED', 'CANCELLED']);
  const ends = (await eventsOf(rig)).filter(({ type }) => type !== 'started' && type !== 'waiting').map(({ type, offset }) => `${offset} ${type}`);
  expect(ends.sort()).toEqual(['0 done', '1 cancelled', '2 cancelled']);
  await settle(millrace.close());
});

test('of a batch, the signal of the cancelled job alone is aborted, and each job has its own result', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, until } = rig;
  const aborted: boolean[][] = [];
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: (payload) => payload.note ?? '', batch: { maxSize: 2 },
    async handleBatch(jobs, context) {
      jobs[1]?.progress(0.5, 'half');
      await new Promise((resolve) => { jobs[0]?.signal.addEventListener('abort', resolve); });
      aborted.push([context.signal.aborted, ...jobs.map(({ signal }) => signal.aborted)]);
      return [retry(), done({ sum: 3 })];
    },
  });
  await settle(millrace.work([job]));
  const receipts = await settle(millrace.enqueueMany(job, [sampleJob(1, 'a'), sampleJob(2, 'b')]));
  await until(() => rig.cluster.inspect.records('mail.events', 0).length > 0);
  await settle(millrace.cancel('mail', receipts[0] as (typeof receipts)[0]));
  await until(() => rig.cluster.inspect.committed('millrace.mail', 'mail', 0)?.offset === 2);
  expect(aborted).toEqual([[false, true, false]]);
  const told = await eventsOf(rig);
  expect(told.find(({ type }) => type === 'progress')).toMatchObject({ offset: 1, detail: { progress: 0.5, note: 'half' } });
  expect(told.find(({ type }) => type === 'done')).toMatchObject({ offset: 1, detail: { result: '{"sum":3}' } });
  expect(told.find(({ type }) => type === 'cancelled')).toMatchObject({ offset: 0 });
  await settle(millrace.close());
});

test('a pause is listed, holds for the next worker too, and what it held runs in order when it ends', async () => {
  const { millrace, settle, clock } = createTestMillrace();
  const ran: number[] = [];
  const job = mail((payload) => { ran.push(payload.sequence); });
  const first = await settle(millrace.work([job]));
  await settle(millrace.pause('mail', { kind: 'mail.send' }));
  const noText = Buffer.from([0xff, 0x00]);
  await settle(millrace.pause('mail', { key: 'nobody' }));
  await settle(millrace.pause('mail', { key: noText }));
  await settle(millrace.enqueueMany(job, [sampleJob(1), sampleJob(2)]));
  await clock.advance(10_000);
  await settle(first.stop());
  await settle(millrace.work([job]));
  await clock.advance(10_000);
  expect(ran).toEqual([]);
  expect(await settle(millrace.listPauses('mail'))).toEqual([
    { scope: { type: 'kind', kind: 'mail.send' }, partitions: [0] }, { scope: { type: 'key', key: 'nobody' }, partitions: [0] }, { scope: { type: 'key', key: noText }, partitions: [0] },
  ]);
  await settle(millrace.resume('mail', { kind: 'mail.send' }));
  await clock.advance(1000);
  expect(ran).toEqual([1, 2]);
  await settle(millrace.resume('mail', { key: noText }));
  expect(await settle(millrace.listPauses('mail'))).toHaveLength(1);
  await expect(settle(millrace.pause('mail', { kind: 'a', key: 'b' }))).rejects.toMatchObject({ code: 'BAD_COMMAND' });
  await settle(millrace.close());
});

test('a job that waits for tomorrow runs now when somebody wants it to', async () => {
  const { millrace, settle, clock } = createTestMillrace();
  const ran: number[] = [];
  const job = mail((_payload, ctx) => {
    ran.push(ctx.attempt);
    return ran.length === 1 ? snooze('24h') : ran.length === 2 ? locked('24h') : undefined;
  });
  await settle(millrace.work([job]));
  const receipt = await settle(millrace.enqueue(job, sampleJob(1), { delay: '24h' }));
  for (const runs of [1, 2, 3]) {
    await clock.advance(2000);
    await settle(millrace.runNow('mail', receipt));
    await clock.advance(2000);
    expect(ran).toHaveLength(runs);
  }
  expect(ran).toEqual([1, 1, 1]);
  await settle(millrace.close());
});

test('of the jobs of an id that is to be unique, one runs in its time, also after a restart', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, clock } = rig;
  const ran: number[] = [];
  const job = mail((payload) => { ran.push(payload.sequence); });
  const options = { id: 'order-1', unique: '1h' } as const;
  const first = await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(1), options));
  await settle(millrace.enqueue(job, sampleJob(2), options));
  await clock.advance(2000);
  await settle(first.stop());
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(3), options));
  await clock.advance(2000);
  expect(ran).toEqual([1]);
  expect((await typesOf(rig)).filter((type) => type === 'duplicate')).toHaveLength(2);
  await clock.advance(3_600_000);
  await settle(millrace.enqueue(job, sampleJob(4), options));
  await clock.advance(2000);
  expect(ran).toEqual([1, 4]);
  await expect(millrace.enqueue(job, sampleJob(5), { unique: '1h' })).rejects.toMatchObject({ code: 'BAD_ENQUEUE_OPTION' });
  await settle(millrace.close());
});

test('a result that no event can hold goes where the worker stores such, or buries its job', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, clock } = rig;
  const job = mail(() => done('x'.repeat(5000)));
  const stored = vi.fn(() => Promise.resolve('file:1'));
  const first = await settle(millrace.work([job], { storeResult: stored }));
  await settle(millrace.enqueue(job, sampleJob(1)));
  await clock.advance(2000);
  await settle(first.stop());
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(2)));
  await clock.advance(2000);
  expect(stored).toHaveBeenCalledOnce();
  expect(await eventsOf(rig)).toMatchObject([{ type: 'done', detail: { result: '{"$claim":"file:1"}' } }, { type: 'buried', detail: { error: { code: 'BAD_RESULT' } } }]);
  expect(() => done(1n)).toThrow(expect.objectContaining({ code: 'BAD_RESULT' }));
  await settle(millrace.close());
});

test('progress that is no number fails the attempt; what lies outside of 0 to 1 is cut', async () => {
  const rig = createTestMillrace();
  const { millrace, settle, clock } = rig;
  const job = mail(async ({ sequence }, ctx) => {
    const { progress } = ctx;
    progress(sequence === 1 ? 7 : NaN);
    await new Promise<void>((resolve) => { clock.after(500, resolve); });
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueueMany(job, [sampleJob(1), sampleJob(2)]));
  await clock.advance(5000);
  const told = await eventsOf(rig);
  expect(told.filter(({ type }) => type === 'progress')).toMatchObject([{ offset: 0, detail: { progress: 1, note: null } }]);
  expect(told.find(({ type }) => type === 'buried')).toMatchObject({ offset: 1, detail: { error: { code: 'BAD_PROGRESS' } } });
  await settle(millrace.close());
});
