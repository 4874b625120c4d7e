import { expect, test } from 'vitest';
import { defineJob } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import { jobV1, sampleJob } from './sampleJob.ts';

test('a record without a kind that can never run is buried again at once when it is called back, and holds nobody up', async () => {
  const { millrace, clock, cluster, settle, until } = createTestMillrace();
  const ran: number[] = [];
  const job = defineJob({ kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', handle: ({ sequence }) => { ran.push(sequence); } });
  await settle(millrace.work([job]));
  cluster.inspect.append('mail', 0, [{ key: 'e', value: Buffer.from('no Avro at all') }]);
  const letters = (): number => cluster.inspect.records('mail.dlq', 0).length;
  await until(() => letters() === 1);
  const calledBackMs = clock.now();
  await settle(millrace.redrive('mail', () => true));
  await settle(millrace.enqueue(job, sampleJob(1)));
  await until(() => ran.length === 1 && letters() === 2);
  expect(clock.now() - calledBackMs).toBeLessThan(5000);
  expect(await settle(millrace.listBuried('mail'))).toMatchObject([{ kind: null, reason: 'wire', offset: 0 }]);
  await settle(millrace.close());
});
