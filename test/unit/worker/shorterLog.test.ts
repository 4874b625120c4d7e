import { expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { readQueue } from '../../../shared/worker/readQueue.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

test('a topic that ends before what was read of it is not passed over as known: its partition stands, and says so, until somebody sets the offsets', async () => {
  const rig = createRig(['work']);
  const ran: number[] = [];
  const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: ({ orderId }) => orderId, handle: ({ sequence }) => { ran.push(sequence); } });
  const committed = (): number => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset ?? 0;
  const first = await rig.startWorker([job]);
  await rig.settle(rig.client.enqueueMany(job, [1, 2, 3, 4, 5].map((sequence) => sampleJob(sequence))));
  await rig.clock.runUntil(() => committed() === 5);
  await rig.settle(first.stop());
  ran.length = 0;

  rig.cluster.inspect.deleteTopic('work');
  rig.cluster.inspect.createTopic({ name: 'work', partitions: 1 });
  // The brokers forget the group's offsets with the topic; a worker that lived through it commits its own once more.
  const admin = rig.cluster.broker().createAdmin({ clientId: 'somebody' });
  await rig.settle(admin.setCommitted('millrace.work', [{ partition: 0, positions: [{ topic: 'work', offset: 5, metadata: '' }] }]));
  await rig.settle(rig.client.enqueueMany(job, [6, 7].map((sequence) => sampleJob(sequence))));
  const second = await rig.startWorker([job]);
  const { live, ready, watch } = createWorkerChecks({ runners: () => second.runners, clock: rig.clock, stallAfterMs: 20_000 });
  watch();
  await rig.clock.advance(120_000);
  expect([ran, committed()]).toEqual([[], 5]);
  expect(rig.seen).toContain('p0 log-shorter');
  // A restart would not help; but nobody shall count on it.
  expect([live.every((check) => check.check().ok), ready.every((check) => check.check().ok)]).toEqual([true, false]);
  expect(second.runners.map((runner) => readQueue(runner).standing)).toEqual([1]);
  await rig.settle(second.stop());
});
