import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createMillrace, defineJob, retry, type Millrace } from 'millrace';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { jobV1, sampleJob } from '../../unit/worker/sampleJob.ts';
import { callCli } from '../cli/runner.ts';
import { uniqueName } from '../../topicNames.ts';
import { until } from '../../until.ts';

const lines: string[] = [];
let millrace: Millrace;
let admin: Admin;

beforeAll(() => {
  const logger = createLogger({ level: 'error', service: 'test', destination: { write: (line) => { lines.push(line); } } });
  millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), logger, topics: { partitions: 1, replicationFactor: 1 } });
  admin = createKafkajsBroker({ brokers: [inject('brokers')] }).createAdmin({ clientId: 'test' });
});

afterAll(async () => {
  await millrace.close();
  await admin.close();
});

function openQueue() {
  const queue = uniqueName('remade');
  const group = `millrace.${queue}`;
  const ran: number[] = [];
  const job = defineJob({
    kind: 'orders.charge', queue, schema: jobV1, key: (payload: JobV1) => payload.note ?? '',
    handle: ({ sequence }: JobV1) => {
      if (sequence === 0) return retry('1h');
      ran.push(sequence);
      return undefined;
    },
  });
  return {
    queue, job, ran, group,
    enqueue: (sequences: readonly number[]) => millrace.enqueueMany(job, sequences.map((sequence) => sampleJob(sequence, `key-${sequence}`))),
    committed: async (): Promise<number | null> => (await admin.committed(group, queue))[0]?.position?.offset ?? null,
    stands: (notice: RegExp) => until(() => lines.some((line) => line.includes(queue) && notice.test(line)), 'the partition to stand'),
    async remake() {
      await admin.deleteTopics([queue]);
      await admin.createTopics([{ name: queue, partitions: 1, replicationFactor: 1, config: {} }]);
    },
    async moveToBeginning() {
      const env = { KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl') };
      expect(await callCli(['move-offsets', queue, '--to', 'beginning'], env, import.meta.dirname)).toMatchObject({ code: 0 });
    },
  };
}

test('jobs of a topic that was deleted and made anew all run: its group has forgotten the old one', async () => {
  const { job, ran, enqueue, committed, remake } = openQueue();
  const first = await millrace.work([job]);
  await enqueue([1, 2, 3]);
  await until(() => ran.length === 3, 'the jobs to run');
  await first.stop();
  expect(await committed()).toBe(3);
  await remake();
  await enqueue([10, 11]);
  const second = await millrace.work([job]);
  await until(() => ran.length === 5, 'the new jobs to run');
  await second.stop();
  expect([ran.slice(3).toSorted(), await committed()]).toEqual([[10, 11], 2]);
});

test('where the group still has its offset in the old topic, the partition stands and passes over no job, until the offsets are moved', async () => {
  const { queue, group, job, ran, enqueue, committed, stands, remake, moveToBeginning } = openQueue();
  const first = await millrace.work([job]);
  await enqueue([1, 2, 3]);
  await until(() => ran.length === 3, 'the jobs to run');
  await first.stop();
  await remake();
  // As a worker commits that lives through it.
  await admin.setCommitted(group, [{ partition: 0, positions: [{ topic: queue, offset: 3, metadata: 'm1' }] }]);
  await enqueue([10, 11]);
  const second = await millrace.work([job]);
  await stands(/ends before what was read.*millrace move-offsets <queue>/);
  expect(second.ready).toBe(false);
  await second.stop();
  expect([ran.length, await committed()]).toEqual([3, 3]);
  await moveToBeginning();
  const third = await millrace.work([job]);
  await until(() => ran.length === 5, 'the new jobs to run');
  await third.stop();
  expect([ran.slice(3).toSorted(), await committed()]).toEqual([[10, 11], 2]);
});

test('where the waiting room knows a job of the old topic at the offset of a new one, the partition stands and loses neither, until the room goes too', async () => {
  const { queue, job, ran, enqueue, committed, stands, remake, moveToBeginning } = openQueue();
  const first = await millrace.work([job]);
  await enqueue([0, 1]);
  await until(async () => ran.length === 1 && await committed() === 2, 'one job to run, and one to wait');
  await first.stop();
  await remake();
  await enqueue([10, 11]);
  const second = await millrace.work([job]);
  await stands(/made anew.*--to beginning.*delete the retry topic/);
  expect(second.ready).toBe(false);
  await second.stop();
  expect(ran).toEqual([1]);
  await moveToBeginning();
  await admin.deleteTopics([`${queue}.retry`]);
  const third = await millrace.work([job]);
  await until(() => ran.length === 3, 'the new jobs to run');
  await third.stop();
  expect([ran.slice(1).toSorted(), await committed()]).toEqual([[10, 11], 2]);
});
