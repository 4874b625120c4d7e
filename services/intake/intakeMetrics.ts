import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { BacklogFigures } from '../../shared/intake/backlog.ts';

export interface IntakeMetrics {
  answered(way: 'single' | 'batch', status: number, tookMs: number): void;
  trouble(): void;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface Watched {
  readonly pendingJobs: () => number;
  readonly backlogs: () => ReadonlyMap<string, BacklogFigures>;
}

export function createIntakeMetrics({ pendingJobs, backlogs }: Watched): IntakeMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const answers = new Counter({ name: 'millrace_intake_answers_total', help: 'Answers to jobs, by the way they came and HTTP status.', labelNames: ['way', 'status'], registers });
  const took = new Histogram({ name: 'millrace_intake_seconds', help: 'From a request\'s coming to its answer.', labelNames: ['way'], buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5], registers });
  const troubles = new Counter({ name: 'millrace_intake_troubles_total', help: 'Failures behind answers that stand.', registers });
  new Gauge({ name: 'millrace_intake_pending', help: 'Jobs under way to Kafka.', registers, collect() { this.set(pendingJobs()); } });
  new Gauge({ name: 'millrace_intake_backlog', help: 'Jobs that workers have not settled.', labelNames: ['queue'], registers, collect() { for (const [queue, { lag }] of backlogs()) this.set({ queue }, lag); } });
  new Gauge({ name: 'millrace_intake_full', help: '1: the queue takes nothing for now.', labelNames: ['queue'], registers, collect() { for (const [queue, { full }] of backlogs()) this.set({ queue }, full ? 1 : 0); } });
  // To find a series by its labels costs more than to count in it.
  const ways = { single: took.labels('single'), batch: took.labels('batch') };
  const counts = { single: new Map<number, Counter.Internal>(), batch: new Map<number, Counter.Internal>() };
  return {
    answered(way, status, tookMs) {
      let count = counts[way].get(status);
      if (count === undefined) counts[way].set(status, count = answers.labels(way, String(status)));
      count.inc();
      ways[way].observe(tookMs / 1000);
    },
    trouble() { troubles.inc(); },
    async render() { return { contentType: registry.contentType, text: await registry.metrics() }; },
  };
}
