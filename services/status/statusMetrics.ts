import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ProjectorObserver } from '../../shared/status/queueProjector.ts';

export interface StatusMetrics extends ProjectorObserver {
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** @param openStreams clients that watch jobs now */
export function createStatusMetrics(openStreams: () => number): StatusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const facts = new Counter({ name: 'millrace_status_facts_total', help: 'Main records, events and standings read into the tables.', labelNames: ['queue'], registers });
  const ignored = new Counter({ name: 'millrace_status_facts_ignored_total', help: 'Those among them that said nothing new, or were a zombie\'s.', labelNames: ['queue'], registers });
  const troubles = new Counter({ name: 'millrace_status_troubles_total', help: 'Failures of Kafka, the registry or the database that were tried again.', labelNames: ['queue'], registers });
  const skipped = new Counter({ name: 'millrace_status_records_skipped_total', help: 'Records left out because the database refuses what stands in them.', labelNames: ['queue'], registers });
  const took = new Histogram({ name: 'millrace_status_transaction_seconds', help: 'How long transactions took.', buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10], registers });
  new Gauge({ name: 'millrace_status_streams', help: 'Clients that watch a job.', registers, collect() { this.set(openStreams()); } });
  return {
    applied(queue, counts) {
      facts.inc({ queue }, counts.facts);
      ignored.inc({ queue }, counts.ignored);
      took.observe(counts.tookMs / 1000);
    },
    trouble(queue) { troubles.inc({ queue }); },
    skipped(queue) { skipped.inc({ queue }); },
    async render() { return { contentType: registry.contentType, text: await registry.metrics() }; },
  };
}
