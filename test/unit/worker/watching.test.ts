import { describe, expect, it } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, retry } from '../../../shared/jobs/outcome.ts';
import { when, refuse, stall } from '../../../shared/kafka/memory/faultHooks.ts';
import { reportHealth } from '../../../shared/runtime/health.ts';
import { createMetrics } from '../../../shared/runtime/metrics/metrics.ts';
import { createMetricsObserver } from '../../../shared/worker/metricsObserver.ts';
import { readQueue } from '../../../shared/worker/readQueue.ts';
import type { Worker } from '../../../shared/worker/worker.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob as sample } from './sampleJob.ts';

function setUp() {
  const rig = createRig(['work']);
  const metrics = createMetrics({ measureProcess: false });
  const queue = metrics.forQueue('work', ['work.do']);
  let worker: Worker | null = null;
  const checks = createWorkerChecks({ runners: () => worker?.runners ?? [], clock: rig.clock, stallAfterMs: 60_000 });
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: ({ note }) => note ?? '', retry: { backoff: { first: '1h', max: '1h' } },
    handle: ({ sequence }) => (sequence === 1 ? retry() : sequence === 2 ? dead('no') : undefined),
  });
  return {
    rig, checks, job,
    async start() {
      worker = await rig.startWorker([job], { observe: () => createMetricsObserver(queue) });
      const [runner] = worker.runners;
      if (runner !== undefined) queue.watch(() => readQueue(runner));
      return worker;
    },
    page: async () => (await metrics.render()).text.split('\n'),
    ready: () => reportHealth(checks.ready),
    live: () => reportHealth(checks.live),
  };
}

describe('a worker that is watched', () => {
  it('shows what became of its jobs, and why the others wait', async () => {
    const { rig, job, start, page } = setUp();
    await rig.settle(rig.client.enqueueMany(job, [sample(1, 'a'), sample(3, 'a'), sample(2, 'b'), sample(4, 'c')]));
    const worker = await start();
    await rig.clock.runUntil(() => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset === 4);
    expect(await page()).toEqual(expect.arrayContaining([
      'millrace_attempts_ended_total{queue="work",kind="work.do",outcome="done"} 1',
      'millrace_attempts_ended_total{queue="work",kind="work.do",outcome="retry"} 1',
      'millrace_jobs_buried_total{queue="work",kind="work.do",reason="dead"} 1',
      'millrace_jobs_waiting{queue="work",reason="retry"} 1',
      'millrace_jobs_waiting{queue="work",reason="behind"} 1',
      'millrace_lag_jobs{queue="work"} 0',
      'millrace_partitions_owned{queue="work"} 1',
      'millrace_ready{queue="work"} 1',
    ]));
    await rig.settle(worker.stop());
  });

  it('is ready once its partitions are open, and not before', async () => {
    const { rig, start, ready } = setUp();
    expect(ready()).toMatchObject({ ok: false, checks: { partitions: { reason: 'not started' } } });
    const release = rig.cluster.faults.onProduce(when({ topic: 'work.retry' }, stall()));
    const worker = await start();
    await rig.clock.advance(1000);
    expect(ready()).toMatchObject({ ok: false, checks: { partitions: { reason: '0 of 1 partitions open' } } });
    release();
    await rig.clock.runUntil(() => worker.ready);
    expect(ready()).toMatchObject({ ok: true, checks: { partitions: { reason: '1 of 1 partitions open' } } });
    await rig.settle(worker.stop());
  });

  it('is live while it idles', async () => {
    const { rig, start, live } = setUp();
    const worker = await start();
    for (let minute = 0; minute < 5; minute += 1) {
      await rig.clock.advance(60_000);
      expect(live().ok).toBe(true);
    }
    await rig.settle(worker.stop());
  });

  it('is not live when it never gets its partition open', async () => {
    const { rig, start, live } = setUp();
    const release = rig.cluster.faults.onProduce(when({ topic: 'work.retry' }, refuse('BROKER_REFUSED')));
    const worker = await start();
    const seen: boolean[] = [];
    for (let minute = 0; minute < 4; minute += 1) {
      await rig.clock.advance(50_000);
      seen.push(live().ok);
    }
    expect(seen[0]).toBe(true);
    expect(seen.at(-1)).toBe(false);
    release();
    await rig.clock.runUntil(() => worker.ready);
    expect(live().ok).toBe(true);
    await rig.settle(worker.stop());
  });

  it('is not blamed when Kafka is away', async () => {
    const { rig, start, live, ready, job } = setUp();
    const worker = await start();
    await rig.settle(rig.client.enqueue(job, sample(4)));
    rig.cluster.faults.disconnect('w1');
    for (let minute = 0; minute < 5; minute += 1) await rig.clock.advance(60_000);
    expect(live().ok).toBe(true);
    expect(ready().ok).toBe(false);
    rig.cluster.faults.reconnect('w1');
    await rig.settle(worker.stop());
  });
});
