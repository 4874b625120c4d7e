import { expect, inject, onTestFinished, test } from 'vitest';
import { jobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../shared/jobs/defineJob.ts';
import { createMillrace } from '../../shared/millrace.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Worker } from '../../shared/worker/worker.ts';
import { uniqueName } from '../topicNames.ts';
import { stepPayload } from './process/stepJob.ts';
import { until } from '../until.ts';

test('on real Kafka, what operators wish holds through a change of the owner: one run for two redrives, no start in a pause, no double of an id, no cancelled job', async () => {
  const queue = uniqueName('commands');
  const open = (): ReturnType<typeof createMillrace> => {
    const millrace = createMillrace({
      brokers: inject('brokers'), registryUrl: inject('registryUrl'), topics: { partitions: 2, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }),
    });
    onTestFinished(() => millrace.close());
    return millrace;
  };
  const [one, other] = [open(), open()];
  const ran: string[] = [];
  let broken = true;
  const job = defineJob({
    kind: 'step', queue, schema: jobV1, key: (payload) => payload.note ?? '', retry: { attempts: 1 },
    handle(payload) {
      ran.push(payload.orderId);
      if (broken && payload.note === 'poison') throw new Error('no');
    },
  });
  const change = async (worker: Worker, millrace = one): Promise<Worker> => {
    await worker.stop();
    const next = await millrace.work([job]);
    await until(() => next.ready, 'the next owner to be ready');
    return next;
  };
  const runs = (id: string): number => ran.filter((done) => done === id).length;

  let worker = await one.work([job]);
  await one.enqueue(job, stepPayload('poison', 1));
  await one.enqueue(job, stepPayload('twin', 1), { id: 'twin', unique: '1h' });
  await until(async () => (await one.listBuried(queue)).length === 1, 'the poison to be buried');
  await until(() => runs('twin#1') === 1, 'the first of its id to run');
  broken = false;
  await Promise.all([one.redrive(queue, () => true), other.redrive(queue, () => true)]);
  await until(() => runs('poison#1') === 2, 'the redrive');
  await one.pause(queue, { key: 'paused' });
  worker = await change(worker, other);

  await other.redrive(queue, () => true);
  await other.enqueue(job, stepPayload('twin', 2), { id: 'twin', unique: '1h' });
  const paused = [await other.enqueue(job, stepPayload('paused', 1)), await other.enqueue(job, stepPayload('paused', 2)), await other.enqueue(job, stepPayload('paused', 3))] as const;
  await other.cancel(queue, paused[1]);
  // Each partition's commands and jobs of before are read when this one ran.
  for (const entity of ['a', 'b', 'c', 'd']) await other.enqueue(job, stepPayload(entity, 1));
  await until(() => ['a#1', 'b#1', 'c#1', 'd#1'].every((id) => runs(id) === 1), 'the others to run');
  worker = await change(worker);

  expect(await one.listPauses(queue)).toMatchObject([{ scope: { type: 'key', key: 'paused' } }]);
  expect(ran.filter((id) => id.startsWith('paused'))).toEqual([]);
  await one.resume(queue, { key: 'paused' });
  await until(() => runs('paused#3') === 1, 'what was paused to run');
  await worker.stop();
  expect(ran.filter((id) => id.startsWith('paused'))).toEqual(['paused#1', 'paused#3']);
  expect(runs('poison#1')).toBe(2);
  expect(ran.filter((id) => id.startsWith('twin'))).toEqual(['twin#1']);
});
