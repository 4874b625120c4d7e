import { expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { Broker } from '../../../shared/kafka/port.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

const JOBS = 400;
const NOTE_BYTES = 100_000;
const INTAKE_BYTES = 2_000_000;
const FETCH_BYTES = 1_048_576;

test('fetches no more large jobs than memory shall hold while their handlers are slow, and all of them in the end', async () => {
  const rig = createRig(['work']);
  let [fetchedBytes, running, ended] = [0, 0, 0];
  const waiting: (() => void)[] = [];
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: ({ sequence }) => `e${sequence}`,
    handle: () => new Promise<void>((resolve) => { running++; waiting.push(() => { ended++; resolve(); }); }),
  });
  const note = 'x'.repeat(NOTE_BYTES);
  for (let from = 0; from < JOBS; from += 50) await rig.settle(rig.client.enqueueMany(job, Array.from({ length: 50 }, (_, n) => sampleJob(from + n, note))));

  const inner = rig.cluster.broker();
  const broker: Broker = { ...inner, createConsumer: (options, listener) => inner.createConsumer(options, {
    ...listener,
    fetched(batch) {
      if (batch.topic === 'work') for (const { value } of batch.records) fetchedBytes += value?.length ?? 0;
      listener.fetched(batch);
    },
  }) };
  // So that none goes to the waiting room, which has bounds of its own.
  const worker = await rig.startWorker([job], { broker, limits: { concurrency: 2, intakeBytes: INTAKE_BYTES, frontierPatienceMs: 600_000 } });
  await rig.clock.runUntil(() => running === 2);
  await rig.clock.advance(5_000);
  expect(fetchedBytes).toBeGreaterThan(INTAKE_BYTES);
  expect(fetchedBytes).toBeLessThan(2 * (INTAKE_BYTES + FETCH_BYTES));
  await rig.clock.runUntil(() => {
    for (const end of waiting.splice(0)) end();
    return ended === JOBS;
  }, { maxMs: 600_000 });
  await rig.settle(worker.stop());
});
