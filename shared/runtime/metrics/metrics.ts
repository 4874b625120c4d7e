import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { createQueueMetrics, type QueueFamilies, type QueueMetrics, type QueueReading } from './queueMetrics.ts';
import { createTalliedCounter } from './talliedCounter.ts';
import { createTalliedHistogram } from './talliedHistogram.ts';

/** Seconds; from a no-op to the longest timeout that is usual. */
const DURATION_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;

/**
 * All that a process measures. Labels are bounded: queue, kind (the defined ones; any other is `unknown`), and closed sets of outcomes, reasons
 * and codes. Never ids, keys or messages.
 */
export interface Metrics {
  /** What one queue counts. Call once for each queue. */
  forQueue(queue: string, kinds: Iterable<string>): QueueMetrics;
  /** The page for Prometheus. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MetricsOptions {
  /** Also measures the process: CPU, memory, garbage collection, delay of the event loop. It cannot be stopped: once a process. */
  readonly measureProcess: boolean;
}

export function createMetrics({ measureProcess }: MetricsOptions): Metrics {
  const registry = new Registry();
  if (measureProcess) collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, ...labelNames: string[]) => createTalliedCounter({ registry, name, help, labelNames: ['queue', ...labelNames] });
  const readers = new Map<string, () => QueueReading>();
  /** Taken once a page: a reading looks at every waiting job. */
  let readings: [queue: string, reading: QueueReading][] = [];
  const gauge = (name: string, help: string, read: (reading: QueueReading) => number): void => {
    new Gauge({
      name, help, labelNames: ['queue'], registers: [registry],
      collect() {
        this.reset();
        for (const [queue, reading] of readings) this.set({ queue }, read(reading));
      },
    });
  };
  const families: QueueFamilies = {
    ended: counter('millrace_attempts_ended_total', 'Attempts that ended, by outcome; interrupted ones were cut off by a stop or a lost lease.', 'kind', 'outcome'),
    buried: counter('millrace_jobs_buried_total', 'Jobs that the dead-letter topic has, by reason.', 'kind', 'reason'),
    effects: counter('millrace_effects_total', 'Transactions of handlers by how they ended: landed, suppressed (it had landed before), refused (of a former owner, or without its lock).', 'kind', 'outcome'),
    spillFailures: counter('millrace_spill_failures_total', 'How often the disk took no bodies of waiting jobs, or gave some back damaged.'),
    locksBusy: counter('millrace_locks_busy_total', 'Attempts that did not begin, or ended, because a lock was another\'s.', 'kind'),
    sandboxDeaths: counter('millrace_sandbox_deaths_total', 'Processes of isolated attempts that ended before their attempt.', 'kind'),
    abandoned: counter('millrace_attempts_abandoned_total', 'Handlers that did not return after their signal was aborted.', 'kind'),
    commitFailures: counter('millrace_commit_failures_total', 'Offset commits that failed, by error code.', 'code'),
    publishFailures: counter('millrace_publish_failures_total', 'Publications that were refused and are tried again, by stream and error code.', 'stream', 'code'),
    rebalances: counter('millrace_partitions_moved_total', 'Partitions that came (assigned) or went without notice (lost).', 'event'),
    schemaWaits: counter('millrace_schema_unavailable_total', 'Schema look-ups that failed because the registry did not answer.'),
    troubles: counter('millrace_broker_troubles_total', 'Errors that the broker driver recovered from by itself.'),
    durations: createTalliedHistogram({ registry, name: 'millrace_attempt_duration_seconds', help: 'How long attempts took.', bounds: DURATION_BOUNDS }),
  };
  gauge('millrace_attempts_running', 'Attempts under way.', ({ running }) => running);
  gauge('millrace_partitions_owned', 'Partitions that this process owns.', ({ partitions }) => partitions);
  gauge('millrace_partitions_standing', 'Owned partitions that do not move on until somebody helps: records that cannot be decoded, or a main topic that ends before what was read of it.', ({ standing }) => standing);
  gauge('millrace_ready', '1 when each owned partition is restored, leased and open, and none stands.', ({ ready }) => (ready ? 1 : 0));
  gauge('millrace_lag_jobs', 'Records of the main topic that this process owns and has not taken in, as of the last fetch.', ({ lag }) => lag);
  gauge('millrace_frontier_span_jobs', 'Largest distance, over its partitions, from the committed offset to what was taken in.', ({ frontierSpan }) => frontierSpan);
  gauge('millrace_room_bytes', 'What waiting jobs take in memory, those left out whose bodies lie on disk.', ({ roomBytes }) => roomBytes);
  gauge('millrace_rooms_full', 'Owned partitions that take nothing in because their waiting rooms are full.', ({ roomsFull }) => roomsFull);
  gauge('millrace_spilled_jobs', 'Waiting jobs whose bodies lie on disk.', ({ spilledJobs }) => spilledJobs);
  gauge('millrace_spilled_bytes', 'What the spilled bodies take on disk.', ({ spilledBytes }) => spilledBytes);
  new Gauge({
    name: 'millrace_jobs_waiting', help: 'Jobs in the waiting room, by reason.', labelNames: ['queue', 'reason'], registers: [registry],
    collect() {
      this.reset();
      for (const [queue, reading] of readings) for (const [reason, count] of reading.waiting) this.set({ queue, reason }, count);
    },
  });

  return {
    forQueue: (queue, kinds) => createQueueMetrics(families, queue, kinds, (read) => {
      readers.set(queue, read);
      return () => { readers.delete(queue); };
    }),
    async render() {
      readings = [...readers].map(([queue, read]) => [queue, read()]);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
