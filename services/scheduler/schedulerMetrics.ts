import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { describeFailure } from '../../shared/jobs/describeFailure.ts';
import { boundCode } from '../../shared/runtime/metrics/boundCode.ts';
import type { SchedulerObserver } from '../../shared/schedules/schedulerObserver.ts';

export interface SchedulerMetrics extends SchedulerObserver {
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createSchedulerMetrics(): SchedulerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const active = new Gauge({ name: 'millrace_scheduler_active', help: '1: it runs the schedules; 0: it stands by. The sum over all schedulers is 1.', registers });
  const started = new Counter({ name: 'millrace_scheduler_runs_total', help: 'Runs whose jobs Kafka has.', registers });
  const late = new Histogram({ name: 'millrace_scheduler_lateness_seconds', help: 'From a tick, its jitter included, to Kafka\'s ack of its job.', buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600], registers });
  const troubles = new Counter({ name: 'millrace_scheduler_troubles_total', help: 'Failures of Kafka or the registry that were tried again.', labelNames: ['code'], registers });
  active.set(0);
  return {
    active(is) { active.set(is ? 1 : 0); },
    started(_schedule, lateMs) {
      started.inc();
      if (lateMs !== null) late.observe(lateMs / 1000);
    },
    trouble(error) { troubles.inc({ code: boundCode(describeFailure(error, 0).code) }); },
    async render() { return { contentType: registry.contentType, text: await registry.metrics() }; },
  };
}
