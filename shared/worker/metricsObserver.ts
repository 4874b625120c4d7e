import type { QueueMetrics } from '../runtime/metrics/queueMetrics.ts';
import type { QueueObserver } from './observer.ts';

/** Counts what a queue's runner tells. */
export function createMetricsObserver(metrics: QueueMetrics): QueueObserver {
  return {
    attemptEnded: (kind, end, durationMs) => { metrics.attemptEnded(kind, end, durationMs); },
    effectEnded: (kind, end) => { metrics.effectEnded(kind, end); },
    spillFailed: () => { metrics.spillFailed(); },
    lockBusy: (kind) => { metrics.lockBusy(kind); },
    buried: (job, reason) => { metrics.buried(job.kind, reason); },
    attemptAbandoned: (job) => { metrics.attemptAbandoned(job.kind); },
    sandboxDied: (job) => { metrics.sandboxDied(job.kind); },
    notice: (_partition, notice) => {
      if (notice.type === 'publish-refused') metrics.publishRefused(notice.stream, notice.code);
    },
    commitFailed: (code) => { metrics.commitFailed(code); },
    schemaUnavailable: () => { metrics.schemaUnavailable(); },
    partitionsAssigned: (partitions) => { metrics.partitionsAssigned(partitions.length); },
    partitionsLost: (partitions) => { metrics.partitionsLost(partitions.length); },
    trouble: () => { metrics.trouble(); },
  };
}
