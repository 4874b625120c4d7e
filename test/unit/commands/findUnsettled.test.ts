import { describe, expect, test } from 'vitest';
import { defineJob, retry } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

/** A queue whose jobs run through, but for those of one sequence, which wait for long. */
function setUp() {
  const world = createTestMillrace({ partitions: 3 });
  const ran: number[] = [];
  const job = defineJob({
    kind: 'charge', queue: 'orders', schema: jobV1, key: (payload: JobV1) => payload.note ?? '', retry: { attempts: 5 },
    handle(payload: JobV1, ctx) {
      if (payload.sequence === 50 && ctx.attempt === 1) return retry('5m');
      ran.push(payload.sequence);
      return undefined;
    },
  });
  const enqueue = (sequence: number, options = {}) => world.settle(world.millrace.enqueue(job, sampleJob(sequence, `key-${sequence % 5}`), { id: `job-${sequence}`, ...options }));
  return { ...world, ran, job, enqueue };
}

describe('a job named by its id alone', () => {
  test('is cancelled where no worker has read it yet, where it waits, and where it is scheduled', async () => {
    const { millrace, settle, clock, ran, job, enqueue } = setUp();
    for (let sequence = 0; sequence < 20; sequence += 1) await enqueue(sequence);
    await settle(millrace.cancel('orders', 'job-7'));
    const worker = await settle(millrace.work([job]));
    await enqueue(50);
    await enqueue(60, { delay: '10m' });
    await clock.advance(60_000);
    await settle(millrace.cancel('orders', ['job-50', 'job-60']));
    await clock.advance(15 * 60_000);
    expect(ran.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at).filter((one) => one !== 7));
    await settle(worker.stop());
    await settle(millrace.close());
  });

  test('runs now where it waits, and is found beside one whose place is told', async () => {
    const { millrace, settle, clock, ran, job, enqueue } = setUp();
    const worker = await settle(millrace.work([job]));
    await enqueue(50);
    const scheduled = await enqueue(60, { delay: '10m' });
    await clock.advance(60_000);
    await settle(millrace.runNow('orders', ['job-50', scheduled]));
    await clock.advance(10_000);
    expect(ran.toSorted((a, b) => a - b)).toEqual([50, 60]);
    await settle(worker.stop());
    await settle(millrace.close());
  });

  test('is every unsettled job that was given this id', async () => {
    const { millrace, settle, clock, ran, job, enqueue } = setUp();
    for (const sequence of [1, 2, 3]) await enqueue(sequence, { id: 'same' });
    await settle(millrace.cancel('orders', 'same'));
    const worker = await settle(millrace.work([job]));
    await clock.advance(60_000);
    expect(ran).toEqual([]);
    await settle(worker.stop());
    await settle(millrace.close());
  });

  test('is unknown where it is over or was never there, and then nothing is commanded at all', async () => {
    const { millrace, settle, clock, cluster, job, enqueue } = setUp();
    const worker = await settle(millrace.work([job]));
    await enqueue(1);
    await clock.advance(60_000);
    await enqueue(60, { delay: '10m' });
    await clock.advance(60_000);
    const commands = () => cluster.inspect.allRecords('orders.retry').filter(({ headers }) => headers?.['mr_command'] !== undefined).length;
    for (const id of ['job-1', 'never', '']) await expect(settle(millrace.cancel('orders', ['job-60', id]))).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
    await expect(settle(millrace.cancel('orders', ['job-60', 7 as never]))).rejects.toMatchObject({ code: 'BAD_COMMAND' });
    expect(commands()).toBe(0);
    await settle(worker.stop());
    await settle(millrace.close());
  });
});
