import { expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob as sample } from './sampleJob.ts';

test('runs what was enqueued, in order, and commits past it', async () => {
  const rig = createRig(['work']);
  const ran: string[] = [];
  const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: () => 'e1', handle: (_payload, ctx) => { ran.push(`${ctx.id}#${ctx.attempt}`); } });
  const receipts = await rig.settle(rig.client.enqueueMany(job, [sample(1), sample(2), sample(3)]));
  const worker = await rig.startWorker([job]);
  await rig.clock.runUntil(() => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset === 3);
  expect(ran).toEqual(receipts.map((receipt) => `${receipt.id}#1`));
  await rig.settle(worker.stop());
});

test('keeps the jobs of an entity in order while the first waits for its retries', async () => {
  const rig = createRig(['work']);
  const ran: string[] = [];
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: (payload) => payload.note ?? '', retry: { attempts: 5, backoff: { first: '2s' } },
    handle: (payload, ctx) => {
      ran.push(`${payload.note}${payload.sequence}#${ctx.attempt}`);
      return payload.note === 'a' && payload.sequence === 1 && ctx.attempt < 3 ? retry() : undefined;
    },
  });
  await rig.settle(rig.client.enqueueMany(job, [sample(1, 'a'), sample(2, 'a'), sample(3, 'b')]));
  const worker = await rig.startWorker([job]);
  await rig.clock.runUntil(() => ran.length === 5);
  expect(ran).toEqual(['a1#1', 'b3#1', 'a1#2', 'a1#3', 'a2#1']);
  await rig.clock.runUntil(() => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset === 3);
  await rig.settle(worker.stop());
});
