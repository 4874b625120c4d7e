import { expect, test } from 'vitest';
import { retry } from '../../../shared/jobs/outcome.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { moveOffsets } from '../../../shared/moveOffsets/moveOffsets.ts';
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

test.each([['waits', 5, 0], ['was settled after a retry', 1, 3]])('a topic that was made anew beside its old waiting room loses no job to one that %s at the same offset: its partition stands until the room goes too', async (_, retried, place) => {
  const rig = createRig(['work']);
  const ran: number[] = [];
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: ({ orderId }) => orderId, retry: { backoff: { first: '10ms', max: '10ms', jitter: 0 } },
    handle({ sequence }, ctx) {
      if (sequence === 5) return retry('1h');
      if (sequence === retried && ctx.attempt === 1) return retry();
      ran.push(sequence);
      return undefined;
    },
  });
  const committed = (): number => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset ?? 0;
  const payloads = (sequences: readonly number[]) => sequences.map((sequence) => ({ ...sampleJob(sequence), orderId: `order-${sequence}` }));
  const first = await rig.startWorker([job]);
  await rig.settle(rig.client.enqueueMany(job, payloads([1, 2, 3].toSpliced(place, 0, 5))));
  await rig.clock.runUntil(() => committed() === 4 && ran.length === 3);
  await rig.settle(first.stop());
  ran.length = 0;

  const admin = rig.cluster.broker().createAdmin({ clientId: 'somebody' });
  const remake = (name: string): void => {
    rig.cluster.inspect.deleteTopic(name);
    rig.cluster.inspect.createTopic({ name, partitions: 1, config: name === 'work' ? {} : { 'cleanup.policy': 'compact' } });
  };
  remake('work');
  // As Kafka forgets the group's offsets with the topic.
  await rig.settle(admin.setCommitted('millrace.work', [{ partition: 0, positions: [{ topic: 'work', offset: 0, metadata: '' }] }]));
  await rig.clock.advance(1000);
  await rig.settle(rig.client.enqueueMany(job, payloads([6, 7, 8])));
  const second = await rig.startWorker([job]);
  await rig.clock.advance(60_000);
  expect(rig.seen).toContain('p0 log-replaced');
  expect(second.ready).toBe(false);
  expect(committed()).toBe(0);
  await rig.settle(second.stop());

  const broker = rig.cluster.broker();
  const producer = broker.createProducer({ clientId: 'somebody' });
  await rig.settle(producer.start());
  await rig.settle(moveOffsets({ broker, admin, producer, registry: rig.registry, clock: rig.clock }, 'work', 'beginning'));
  remake('work.retry');
  await rig.settle(admin.setCommitted('millrace.work', [{ partition: 0, positions: [{ topic: 'work.retry', offset: 0, metadata: '' }] }]));
  const third = await rig.startWorker([job]);
  await rig.clock.advance(60_000);
  expect([...new Set(ran)].toSorted()).toEqual([6, 7, 8]);
  expect([third.ready, committed()]).toEqual([true, 3]);
  await rig.settle(third.stop());
});
