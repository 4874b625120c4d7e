import { describe, expect, it } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, retry } from '../../../shared/jobs/outcome.ts';
import { when, refuse, stall } from '../../../shared/kafka/memory/faultHooks.ts';
import { reportHealth } from '../../../shared/runtime/health.ts';
import { createMetrics } from '../../../shared/runtime/metrics/metrics.ts';
import { createMetricsObserver } from '../../../shared/worker/metricsObserver.ts';
import { readQueue } from '../../../shared/worker/readQueue.ts';
import type { Partition } from '../../../shared/engine/partition.ts';
import type { QueueRunner } from '../../../shared/worker/queueRunner.ts';
import type { Worker, WorkerOptions } from '../../../shared/worker/worker.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob as sample } from './sampleJob.ts';

/** The handler hangs until the test lets go. */
const HANGS = 99;

function setUp() {
  const rig = createRig(['work']);
  const metrics = createMetrics({ measureProcess: false });
  const queue = metrics.forQueue('work', ['work.do']);
  let worker: Worker | null = null;
  let letGo = (): void => undefined;
  const hanging = new Promise<void>((resolve) => { letGo = resolve; });
  const checks = createWorkerChecks({ runners: () => worker?.runners ?? [], clock: rig.clock, stallAfterMs: 20_000 });
  checks.watch();
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: ({ note }) => note ?? '', retry: { backoff: { first: '1h', max: '1h' } },
    timeout: null,
    handle: ({ sequence }) => sequence === HANGS ? hanging : (sequence === 1 ? retry() : sequence === 2 ? dead('no') : undefined),
  });
  return {
    rig, checks, job,
    letGo: () => { letGo(); },
    async start(options: Partial<WorkerOptions> = {}) {
      worker = await rig.startWorker([job], { observe: () => createMetricsObserver(queue), ...options });
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

  /** What /livez says in each second of so long a time. */
  async function watchFor(seconds: number, { rig, live }: ReturnType<typeof setUp>): Promise<boolean[]> {
    const said: boolean[] = [];
    for (let second = 0; second < seconds; second += 1) {
      await rig.clock.advance(1000);
      said.push(live().ok);
    }
    return said;
  }

  describe('is live', () => {
    it('while it idles', async () => {
      const on = setUp();
      const worker = await on.start();
      expect(await watchFor(300, on)).not.toContain(false);
      await on.rig.settle(worker.stop());
    });

    it('while all it has to do waits', async () => {
      const on = setUp();
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(1, 'a'), sample(3, 'a'), sample(4, 'a')]));
      const worker = await on.start();
      expect(await watchFor(300, on)).not.toContain(false);
      await on.rig.settle(worker.stop());
    });

    it('while attempts run for long, and others line up behind them', async () => {
      const on = setUp();
      await on.rig.settle(on.rig.client.enqueueMany(on.job, Array.from({ length: 300 }, (_, n) => sample(HANGS, `e${n % 2}`))));
      const worker = await on.start({ concurrency: 1, limits: { intakeJobs: 20 } });
      expect(await watchFor(50, on)).not.toContain(false);
      on.letGo();
      await on.rig.settle(worker.stop());
    });

    it.each(['work', 'work.retry', 'work.events'])('while Kafka refuses what is written to %s, but then it is not ready to begin', async (topic) => {
      const on = setUp();
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(1, 'a'), sample(3, 'b')]));
      const release = on.rig.cluster.faults.onProduce(when({ topic }, refuse('BROKER_REFUSED')));
      const worker = await on.start();
      expect(await watchFor(120, on)).not.toContain(false);
      expect(on.ready().ok).toBe(topic !== 'work.retry');
      release();
      await on.rig.clock.runUntil(() => worker.ready);
      await on.rig.settle(worker.stop());
    });

    it('while commits are refused', async () => {
      const on = setUp();
      const worker = await on.start();
      on.rig.cluster.faults.onCommit(() => ({ type: 'refuse', code: 'BROKER_UNAVAILABLE' }));
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(3, 'b')]));
      expect(await watchFor(120, on)).not.toContain(false);
      await on.rig.settle(worker.stop());
    });

    it('while Kafka is away, though not ready', async () => {
      const on = setUp();
      const worker = await on.start();
      await on.rig.settle(on.rig.client.enqueue(on.job, sample(4)));
      on.rig.cluster.faults.disconnect('w1');
      expect(await watchFor(300, on)).not.toContain(false);
      expect(on.ready().ok).toBe(false);
      on.rig.cluster.faults.reconnect('w1');
      expect(await watchFor(60, on)).not.toContain(false);
      await on.rig.settle(worker.stop());
    });

    it('while the registry is away and records wait for their schema', async () => {
      const on = setUp();
      const worker = await on.start();
      on.rig.registry.down = true;
      on.rig.cluster.inspect.append('work', 0, [{ key: 'k', value: Buffer.from([0, 0, 0, 77, 1, 0]), headers: {} }]);
      expect(await watchFor(120, on)).not.toContain(false);
      await on.rig.settle(worker.stop());
    });
  });

  describe('is not live within 30 s, and says why,', () => {
    const stallsOf = async (on: ReturnType<typeof setUp>): Promise<{ said: boolean[]; reason: string }> => {
      const said = await watchFor(30, on);
      return { said, reason: JSON.stringify(on.live().checks) };
    };

    it('when its fetches never come back, though an attempt runs', async () => {
      const on = setUp();
      await on.rig.settle(on.rig.client.enqueue(on.job, sample(HANGS)));
      const worker = await on.start();
      await on.rig.clock.advance(1000);
      const release = on.rig.cluster.faults.onFetch(when({ topic: 'work' }, stall()));
      await on.rig.settle(on.rig.client.enqueue(on.job, sample(4)));
      const { said, reason } = await stallsOf(on);
      expect([said[18], said.at(-1), reason]).toEqual([true, false, expect.stringContaining('no fetch has come back')]);
      release();
      on.letGo();
      expect((await watchFor(2, on)).at(-1)).toBe(true);
      await on.rig.settle(worker.stop());
    });

    it('when a partition never opens, because its lease is neither taken nor refused', async () => {
      const on = setUp();
      const release = on.rig.cluster.faults.onProduce(when({ topic: 'work.retry' }, stall()));
      const worker = await on.start();
      const { said, reason } = await stallsOf(on);
      expect([said[18], said.at(-1), reason]).toEqual([true, false, expect.stringMatching(/partition 0 is leasing|a publication has not ended/)]);
      release();
      await on.rig.clock.runUntil(() => worker.ready);
      expect((await watchFor(2, on)).at(-1)).toBe(true);
      await on.rig.settle(worker.stop());
    });

    it('when its commits never end', async () => {
      const on = setUp();
      const worker = await on.start();
      const release = on.rig.cluster.faults.onCommit(() => ({ type: 'stall' }));
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(3, 'b')]));
      const { said, reason } = await stallsOf(on);
      expect([said[18], said.at(-1), reason]).toEqual([true, false, expect.stringContaining('a commit has not ended')]);
      release();
      await on.rig.settle(worker.stop());
    });

    it('when jobs could start and do not', async () => {
      const on = setUp();
      const worker = await on.start();
      const [runner] = worker.runners;
      // A pump that does not turn, as after a defect that left its guard set.
      if (runner !== undefined) runner.engine.takeStarts = () => [];
      // What Kafka refuses meanwhile is no excuse for that.
      on.rig.cluster.faults.onProduce(when({ topic: 'work.dlq' }, refuse('BROKER_REFUSED')));
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(3, 'b')]));
      const { said, reason } = await stallsOf(on);
      expect([said[18], said.at(-1), reason]).toEqual([true, false, expect.stringContaining('1 jobs could start')]);
      await on.rig.settle(worker.stop());
    });

    it.each<[what: string, defect: (runner: QueueRunner) => void, says: RegExp]>([
      ['its flush loop has stopped', (runner) => { runner.flushNow = () => { throw new Error('a defect'); }; }, /flush loop does not turn/],
      ['events are never sent', ({ engine }) => { (engine.partitions.get(0) as Partition).events.take = () => null; }, /\d records for events that it does not send/],
      ['dead letters are never sent', ({ engine }) => { (engine.partitions.get(0) as Partition).dlq.take = () => null; }, /\d records for dlq that it does not send/],
      ['what it writes to the retry topic is never read back', ({ engine }) => { engine.fetchedRetry = () => undefined; }, /does not read back \d records/],
    ])('when %s', async (_, defect, says) => {
      const on = setUp();
      const worker = await on.start();
      await on.rig.clock.runUntil(() => worker.ready);
      defect(worker.runners[0] as QueueRunner);
      await on.rig.settle(on.rig.client.enqueueMany(on.job, [sample(1, 'a'), sample(2, 'b')])).catch(() => undefined);
      let said: boolean[] = [];
      for (let second = 0; second < 32; second += 1) {
        await on.rig.clock.advance(1000).catch(() => undefined); // where the defect ends a timer
        said = [...said, on.live().ok];
      }
      expect([said[15], said.at(-1), JSON.stringify(on.live().checks)]).toEqual([true, false, expect.stringMatching(says)]);
    });
  });
});
