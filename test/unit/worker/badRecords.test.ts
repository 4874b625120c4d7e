import { describe, expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import { framed, varint } from '../avro/avroBytes.ts';
import { createRig, type Rig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

const committed = (rig: Rig): number => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset ?? 0;
const letters = (rig: Rig) => rig.cluster.inspect.records('work.dlq', 0).map(({ headers }) => `${String(headers?.['ce_id'])} ${String(headers?.['mr_reason'])} ${String(headers?.['mr_attempt'])}`);
const refusals = (rig: Rig): string[] => rig.seen.filter((line) => line.endsWith('publish-refused'));

function recordingJob(queue = 'work', kind = 'work.do') {
  const ran: string[] = [];
  const job = defineJob({ kind, queue, schema: jobV1, key: () => 'unused', handle: (_payload, ctx) => { ran.push(`${ctx.id}#${ctx.attempt}`); } });
  return { ran, job };
}

test('asks again for a schema that the registry did not know before, also for jobs that name their kind', async () => {
  const rig = createRig(['work']);
  const { ran, job } = recordingJob();
  const worker = await rig.startWorker([job]);
  const known = (await rig.registry.latest('bench.Job'))?.id ?? 0;
  const value = await encodedJob(rig);
  const early = framed(known + 2, value.subarray(5));
  const append = (id: string) => rig.cluster.inspect.append('work', 0, [{ key: 'e', value: early, headers: { ce_id: id, ce_type: 'work.do' } }]);
  append('too early');
  await rig.clock.runUntil(() => committed(rig) === 1);
  expect(letters(rig)).toEqual(['too early schema-unknown 0']);
  // The same shape under new ids, as a second producer registers it.
  for (let id = known; id < known + 2; id++) await rig.registry.register(`again.${id}`, { ...(jobV1.versions[0] as object), type: 'record', doc: String(id) });
  await rig.clock.advance(60_000);
  append('in time');
  await rig.clock.runUntil(() => committed(rig) === 2);
  expect(ran).toEqual(['in time#1']);
  expect(letters(rig)).toHaveLength(1);
  await rig.settle(worker.stop());
});

describe('events can always be written, though', () => {
  test('records come with kinds and ids that all differ and are long, in letters of three bytes', async () => {
    const rig = createRig(['work']);
    const { job } = recordingJob();
    const value = await encodedJob(rig);
    const text = (n: number, length: number): string => `${n}${'€'.repeat(length)}`;
    rig.cluster.inspect.append('work', 0, Array.from({ length: 6000 }, (_, n) => ({ key: `e${n}`, value, headers: { ce_id: text(n, 98), ce_type: text(n, 83) } })));
    const worker = await rig.startWorker([job], { limits: { unknownKindBoundMs: 0 } });
    await rig.clock.runUntil(() => committed(rig) === 6000, { maxMs: 600_000 });
    expect(refusals(rig)).toEqual([]);
    expect(letters(rig)).toHaveLength(6000);
    await rig.settle(worker.stop());
  });

  test('keys are nearly as large as a record may be', async () => {
    const rig = createRig(['work']);
    const { ran, job } = recordingJob();
    const value = await encodedJob(rig);
    for (let n = 0; n < 5; n++) rig.cluster.inspect.append('work', 0, [{ key: Buffer.alloc(1_048_000, n), value, headers: { ce_id: `${n}`, ce_type: 'work.do' } }]);
    rig.cluster.inspect.append('work', 0, [{ key: Buffer.alloc(1_048_400, 9), value: null }]);
    const worker = await rig.startWorker([job], { limits: { retryRecordBytes: 2_000_000 } });
    await rig.clock.runUntil(() => ran.length === 5);
    await rig.clock.advance(1000);
    expect(refusals(rig).length, 'the last does not fit the DLQ of this rig, which has no room for headers').toBeGreaterThan(0);
    expect(committed(rig)).toBe(5);
    await rig.settle(worker.stop());
  });

  test('the wall clock is set forth and back by years within one flush', async () => {
    const rig = createRig(['work']);
    const ran: string[] = [];
    const leaps = [8, -9, 20];
    const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: () => 'unused', handle(_payload, ctx) {
      rig.clock.jumpWall((leaps.shift() ?? 0) * 365 * 86_400_000);
      ran.push(ctx.id);
    } });
    const value = await encodedJob(rig);
    const worker = await rig.startWorker([job]);
    rig.cluster.inspect.append('work', 0, Array.from({ length: 5 }, (_, n) => ({ key: 'e', value, headers: { ce_id: `${n}`, ce_type: 'work.do' } })));
    await rig.clock.runUntil(() => committed(rig) === 5);
    expect(ran).toEqual(['0', '1', '2', '3', '4']);
    expect(refusals(rig)).toEqual([]);
    await rig.settle(worker.stop());
  });
});

describe('a job of unknown kind', () => {
  test('has its bound counted from when its kind was missed, not from a failure long before', async () => {
    const rig = createRig(['work']);
    const ran: number[] = [];
    const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: () => 'unused', retry: { attempts: 3, backoff: { first: '3h', max: '3h', jitter: 0 } }, handle(_payload, ctx) {
      ran.push(ctx.attempt);
      return ctx.attempt < 3 ? retry() : undefined;
    } });
    rig.cluster.inspect.append('work', 0, [{ key: 'e', value: await encodedJob(rig), headers: { ce_id: 'a', ce_type: 'work.do' } }]);
    const first = await rig.startWorker([job]);
    await rig.clock.advance(4 * 3_600_000);
    expect(ran).toEqual([1, 2]);
    await rig.settle(first.stop());
    await rig.clock.advance(2.5 * 3_600_000);
    // Somebody rolls back to a version that knows no such kind, for half an hour.
    const back = await rig.startWorker([recordingJob('work', 'work.other').job]);
    await rig.clock.advance(1_800_000);
    await rig.settle(back.stop());
    expect(letters(rig)).toEqual([]);
    const again = await rig.startWorker([job]);
    await rig.clock.advance(60_000);
    expect(ran).toEqual([1, 2, 3]);
    await rig.settle(again.stop());
  });

  test('is buried after the bound though workers come and go meanwhile', async () => {
    const rig = createRig(['work']);
    rig.cluster.inspect.append('work', 0, [{ key: 'e', value: await encodedJob(rig), headers: { ce_id: 'a', ce_type: 'work.gone' } }]);
    for (let n = 0; n < 4; n++) {
      const worker = await rig.startWorker([recordingJob().job], { limits: { unknownKindBoundMs: 3_600_000 } });
      await rig.clock.advance(1_000_000);
      expect(letters(rig), `after ${n + 1} workers`).toEqual(n < 3 ? [] : ['a unknown-kind 0']);
      await rig.settle(worker.stop());
    }
  });
});

test('two jobs that bear the key of a third in the waiting room do not erase it there', async () => {
  const rig = createRig(['work']);
  const ran: string[] = [];
  const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: () => 'unused', retry: { backoff: { first: '1h', jitter: 0 } }, handle(_payload, ctx) {
    ran.push(`${ctx.key ?? ''}#${ctx.attempt}`);
    return ctx.attempt === 1 ? retry() : undefined;
  } });
  const value = await encodedJob(rig);
  // A double of the id `a` at offset 2 is kept under `a@2`, which the job at offset 0 has taken.
  rig.cluster.inspect.append('work', 0, ['a@2', 'a', 'a'].map((ce_id, n) => ({ key: `e${n}`, value, headers: { ce_id, ce_type: 'work.do' } })));
  const first = await rig.startWorker([job]);
  await rig.clock.advance(10_000);
  await rig.settle(first.stop());
  rig.cluster.inspect.compact('work.retry');
  const second = await rig.startWorker([job]);
  await rig.clock.advance(2 * 3_600_000);
  expect(ran.filter((line) => line.endsWith('#2')).sort()).toEqual(['e0#2', 'e1#2', 'e2#2']);
  await rig.settle(second.stop());
});

/** The bytes of a good job, as the client writes them. */
async function encodedJob(rig: Rig): Promise<Buffer> {
  rig.cluster.inspect.createTopic({ name: 'elsewhere', partitions: 1 });
  await rig.settle(rig.client.enqueue(recordingJob('elsewhere').job, sampleJob(1)));
  const value = rig.cluster.inspect.records('elsewhere', 0)[0]?.value;
  expect(value?.subarray(0, 1)).toEqual(varint(0));
  return value as Buffer;
}
