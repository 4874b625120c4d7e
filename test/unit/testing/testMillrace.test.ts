import { expect, test } from 'vitest';
import { defineJob, done, retry, snooze, type JobContext } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

test('runs a job through its retries without waiting for real time', async () => {
  const { millrace, clock, settle, until } = createTestMillrace();
  const attempts: number[] = [];
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: (payload) => payload.customer, retry: { attempts: 3, backoff: { first: '10m', jitter: 0 } },
    handle: (_payload, ctx) => {
      attempts.push(ctx.attempt);
      return ctx.attempt === 1 ? retry() : undefined;
    },
  });
  await settle(millrace.work([job]));
  const receipt = await settle(millrace.enqueue(job, sampleJob(1)));
  expect(receipt).toMatchObject({ topic: 'mail', partition: 0, offset: 0 });
  await until(() => attempts.length === 1);
  await clock.advance(599_000);
  expect(attempts).toEqual([1]);
  await clock.advance(2000);
  expect(attempts).toEqual([1, 2]);
  await settle(millrace.close());
});

test('runs isolated kinds with the handlers that the test gives, timeouts and all', async () => {
  const attempts: number[] = [];
  const { millrace, settle, until } = createTestMillrace({
    isolated: {
      async render(payload: JobV1, ctx: JobContext) {
        attempts.push(ctx.attempt);
        ctx.logger.info({ sequence: payload.sequence }, 'rendering');
        if (ctx.attempt === 1) throw Object.assign(new Error('busy'), { code: 'EBUSY' });
        if (ctx.attempt === 2) await new Promise(() => undefined);
      },
    },
  });
  const job = defineJob({
    kind: 'render', queue: 'mail', schema: jobV1, key: (payload) => payload.customer, retry: { attempts: 3, backoff: { first: '10m', jitter: 0 } }, timeout: '1m',
    isolated: { handler: new URL('file:///nowhere/render.js') }, retryOn: 'EBUSY', buryOn: (error) => (error as Error).name === 'TypeError',
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(1)));
  await until(() => attempts.length === 3);
  expect(attempts).toEqual([1, 2, 3]);
  await settle(millrace.close());
});

test('says what it needs for an isolated kind', async () => {
  const { millrace, settle } = createTestMillrace();
  const job = defineJob({ kind: 'render', queue: 'mail', schema: jobV1, key: () => 'k', isolated: { handler: new URL('file:///nowhere/render.js') } });
  await expect(settle(millrace.work([job]))).rejects.toMatchObject({ code: 'SANDBOX_NOT_STARTED', message: expect.stringContaining("isolated: { 'render': handle }") as unknown });
});

test('buries, lists and redrives a job into its old place, before what came later', async () => {
  const { millrace, settle, until } = createTestMillrace();
  const ran: string[] = [];
  let broken = true;
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', retry: { attempts: 1 }, whenBuried: 'hold',
    handle: (payload, ctx) => {
      ran.push(`${payload.sequence}#${ctx.attempt}`);
      if (broken && payload.sequence === 1) throw new Error('no');
    },
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueueMany(job, [sampleJob(1), sampleJob(2)]));
  let buried = await settle(millrace.listBuried('mail'));
  while (buried.length === 0) buried = await settle(millrace.listBuried('mail'));
  expect(buried).toMatchObject([{ kind: 'mail.send', key: 'e', offset: 0, attempts: 1, reason: 'attempts', message: 'no' }]);
  expect(ran).toEqual(['1#1']);
  broken = false;
  await settle(millrace.redrive('mail', () => true));
  await until(() => ran.length === 3);
  expect(ran).toEqual(['1#1', '1#1', '2#1']);
  await settle(millrace.close());
});

test('lets the next job of the entity run when the held one is discarded', async () => {
  const { millrace, settle, until } = createTestMillrace();
  const ran: number[] = [];
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', retry: { attempts: 1 }, whenBuried: 'hold',
    handle: (payload) => {
      ran.push(payload.sequence);
      if (payload.sequence === 1) throw new Error('no');
    },
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueueMany(job, [sampleJob(1), sampleJob(2)]));
  while ((await settle(millrace.listBuried('mail'))).length === 0);
  await settle(millrace.discard('mail', () => true));
  await until(() => ran.length === 2);
  expect(ran).toEqual([1, 2]);
  await settle(millrace.close());
});

test('uses no attempt for a snooze', async () => {
  const { millrace, settle, until } = createTestMillrace();
  const attempts: number[] = [];
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', retry: { attempts: 1 },
    handle: (_payload, ctx) => {
      attempts.push(ctx.attempt);
      return attempts.length < 3 ? snooze('1h') : undefined;
    },
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, sampleJob(1)));
  await until(() => attempts.length === 3);
  expect(attempts).toEqual([1, 1, 1]);
  await settle(millrace.close());
});

test('keeps large payloads and results in memory, where a test can take one away', async () => {
  const { millrace, settle, until, clock, objects } = createTestMillrace({ largePayloads: { overBytes: 1000, missingBound: '10m' } });
  const seen: number[] = [];
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: (payload) => payload.customer,
    handle: ({ note }) => {
      seen.push(note?.length ?? 0);
      return done('r'.repeat(5000));
    },
  });
  await settle(millrace.work([job]));
  await settle(millrace.enqueue(job, { ...sampleJob(1), note: 'n'.repeat(2000) }));
  await until(() => objects.size === 2);
  expect(seen).toEqual([2000]);
  await settle(millrace.enqueue(job, sampleJob(2)));
  await settle(millrace.enqueue(job, { ...sampleJob(1), note: 'm'.repeat(3000) }, { delay: '1m' }));
  await clock.advance(30_000);
  objects.clear();
  await clock.advance(20 * 60_000);
  expect(seen).toHaveLength(2);
  await settle(millrace.close());
});
