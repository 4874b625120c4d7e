import { expect, test } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { Broker, ConsumerListener } from '../../../shared/kafka/port.ts';
import { reportHealth } from '../../../shared/runtime/health.ts';
import { createMetrics } from '../../../shared/runtime/metrics/metrics.ts';
import { createMetricsObserver } from '../../../shared/worker/metricsObserver.ts';
import { readQueue } from '../../../shared/worker/readQueue.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

test.each(['work', 'work.retry'])('records of %s that cannot be decoded make a worker unready, and a gauge tell of it, until they can; it is live, for a restart helps nobody', async (damaged) => {
  const rig = createRig(['work']);
  const broker = rig.cluster.broker();
  let [isDamaged, tries] = [false, 0];
  const damages = ({ topic }: { readonly topic: string }): boolean => isDamaged && topic === damaged;
  /** A driver that fetches what it cannot read again and again, as the one of Kafka does. */
  const damaging: Broker = {
    ...broker, createProducer: (options) => broker.createProducer(options), createAdmin: (options) => broker.createAdmin(options),
    createConsumer: (options, listener) => {
      const held: Parameters<ConsumerListener['fetched']>[0][] = [];
      const again = (): void => {
        rig.clock.after(1000, () => {
          if (isDamaged) {
            tries++;
            listener.unreadable?.(damaged, 0, new MillraceError('RECORDS_UNREADABLE', { at: damaged }));
            again();
          } else for (const batch of held.splice(0)) listener.fetched(batch);
        });
      };
      return broker.createConsumer(options, {
        ...listener,
        fetched: (batch) => {
          if (!damages(batch)) listener.fetched(batch);
          else if (held.push(batch) === 1) again();
        },
      });
    },
  };
  const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: ({ orderId }) => orderId, handle: () => undefined });
  const metrics = createMetrics({ measureProcess: false });
  const queue = metrics.forQueue('work', ['work.do']);
  const worker = await rig.startWorker([job], { broker: damaging, observe: () => createMetricsObserver(queue) });
  const checks = createWorkerChecks({ runners: () => worker.runners, clock: rig.clock, stallAfterMs: 20_000 });
  checks.watch();
  for (const runner of worker.runners) queue.watch(() => readQueue(runner));
  const page = async (): Promise<string> => (await metrics.render()).text;
  await rig.clock.advance(5000);
  expect(reportHealth(checks.ready).ok).toBe(true);
  expect(await page()).toContain('millrace_partitions_standing{queue="work"} 0');

  isDamaged = true;
  await rig.settle(rig.client.enqueue(job, sampleJob(1), { delay: '1m' }));
  for (let second = 0; second < 30 && reportHealth(checks.ready).ok; second++) await rig.clock.advance(1000);
  expect(reportHealth(checks.ready)).toMatchObject({ ok: false, checks: { partitions: { reason: expect.stringContaining('0 until somebody helps') as unknown } } });
  expect(await page()).toContain('millrace_partitions_standing{queue="work"} 1');
  await rig.clock.advance(300_000);
  expect(tries).toBeGreaterThan(200);
  expect([reportHealth(checks.ready).ok, reportHealth(checks.live).ok]).toEqual([false, true]);

  isDamaged = false;
  await rig.clock.advance(120_000);
  expect([reportHealth(checks.ready).ok, reportHealth(checks.live).ok]).toEqual([true, true]);
  expect(await page()).toContain('millrace_partitions_standing{queue="work"} 0');
  expect(rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset).toBe(1);
  await rig.settle(worker.stop());
});
