import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../shared/runtime/metrics/metrics.ts';

const setUp = () => {
  const metrics = createMetrics({ measureProcess: false });
  const page = async () => (await metrics.render()).text.split('\n').filter((line) => !line.startsWith('#') && line !== '');
  return { metrics, page };
};

describe('the metrics page', () => {
  it('counts attempts by queue, kind and outcome, however often it is scraped', async () => {
    const { metrics, page } = setUp();
    const queue = metrics.forQueue('orders', ['order.charge']);
    for (let i = 0; i < 3; i += 1) queue.attemptEnded('order.charge', 'done', 4);
    queue.attemptEnded('order.charge', 'retry', 400);
    await page();
    queue.attemptEnded('order.charge', 'done', 4);
    const lines = await page();
    expect(lines).toContain('millrace_attempts_ended_total{queue="orders",kind="order.charge",outcome="done"} 4');
    expect(lines).toContain('millrace_attempts_ended_total{queue="orders",kind="order.charge",outcome="retry"} 1');
    expect(lines).toContain('millrace_attempt_duration_seconds_bucket{le="0.001",queue="orders",kind="order.charge"} 0');
    expect(lines).toContain('millrace_attempt_duration_seconds_bucket{le="0.005",queue="orders",kind="order.charge"} 4');
    expect(lines).toContain('millrace_attempt_duration_seconds_bucket{le="0.5",queue="orders",kind="order.charge"} 5');
    expect(lines).toContain('millrace_attempt_duration_seconds_bucket{le="+Inf",queue="orders",kind="order.charge"} 5');
    expect(lines).toContain('millrace_attempt_duration_seconds_count{queue="orders",kind="order.charge"} 5');
    expect(lines.find((line) => line.startsWith('millrace_attempt_duration_seconds_sum{queue="orders",kind="order.charge"}'))).toMatch(/ 0\.416\d*$/);
  });

  it('does not grow with kinds and codes that nobody defined', async () => {
    const { metrics, page } = setUp();
    const queue = metrics.forQueue('orders', ['order.charge']);
    const touch = (name: string): void => {
      queue.attemptEnded(name, 'done', 1);
      queue.buried(name, 'unknown-kind');
      queue.attemptAbandoned(name);
      queue.sandboxDied(name);
      queue.commitFailed(name);
      queue.publishRefused('retry', name);
    };
    touch('forged');
    const before = await page();
    for (let i = 0; i < 100; i += 1) touch(`forged-${i}`);
    const after = await page();
    expect(after).toHaveLength(before.length);
    expect(after).toContain('millrace_attempts_ended_total{queue="orders",kind="unknown",outcome="done"} 101');
    expect(after).toContain('millrace_jobs_buried_total{queue="orders",kind="unknown",reason="unknown-kind"} 101');
    expect(after).toContain('millrace_commit_failures_total{queue="orders",code="other"} 101');
    expect(after).toContain('millrace_publish_failures_total{queue="orders",stream="retry",code="other"} 101');
  });

  it('keeps the codes of the catalogue', async () => {
    const { metrics, page } = setUp();
    metrics.forQueue('orders', []).commitFailed('BROKER_FENCED');
    expect(await page()).toContain('millrace_commit_failures_total{queue="orders",code="BROKER_FENCED"} 1');
  });

  it('reads gauges when it is scraped, and forgets those of a queue that is gone', async () => {
    const { metrics, page } = setUp();
    const queue = metrics.forQueue('orders', []);
    let waiting = new Map([['retry', 2], ['behind', 5]]);
    const unwatch = queue.watch(() => ({ running: 3, ready: true, partitions: 6, standing: 1, lag: 42, frontierSpan: 7, roomBytes: 1000, roomsFull: 1, spilledJobs: 8, spilledBytes: 4096, waiting }));
    expect(await page()).toEqual(expect.arrayContaining([
      'millrace_attempts_running{queue="orders"} 3', 'millrace_partitions_owned{queue="orders"} 6', 'millrace_partitions_standing{queue="orders"} 1', 'millrace_ready{queue="orders"} 1',
      'millrace_lag_jobs{queue="orders"} 42', 'millrace_frontier_span_jobs{queue="orders"} 7', 'millrace_room_bytes{queue="orders"} 1000', 'millrace_rooms_full{queue="orders"} 1',
      'millrace_spilled_jobs{queue="orders"} 8', 'millrace_spilled_bytes{queue="orders"} 4096',
      'millrace_jobs_waiting{queue="orders",reason="retry"} 2', 'millrace_jobs_waiting{queue="orders",reason="behind"} 5',
    ]));
    waiting = new Map();
    expect((await page()).join('\n')).not.toContain('millrace_jobs_waiting');
    unwatch();
    expect((await page()).join('\n')).not.toContain('millrace_lag_jobs');
  });

  it('has no place for ids, keys or messages', async () => {
    const { metrics } = setUp();
    const queue = metrics.forQueue('orders', ['k']);
    queue.attemptEnded('k', 'done', 1);
    queue.buried('k', 'dead');
    queue.partitionsAssigned(2);
    queue.partitionsLost(1);
    queue.schemaUnavailable();
    queue.trouble();
    const { text } = await metrics.render();
    const names = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, name]) => name));
    expect([...names].toSorted()).toEqual(['event', 'kind', 'le', 'outcome', 'queue', 'reason']);
  });

  it('shows the process when it is asked to', async () => {
    const { text } = await createMetrics({ measureProcess: true }).render();
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(text).toContain('process_resident_memory_bytes');
  });
});
