import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { describeFailure } from '../../shared/jobs/describeFailure.ts';
import type { OutboxFigures } from '../../shared/outbox/outboxFigures.ts';
import type { RelayObserver } from '../../shared/outbox/relayStream.ts';
import { boundCode } from '../../shared/runtime/metrics/boundCode.ts';

export interface RelayMetrics extends RelayObserver {
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What the process sees of itself when somebody scrapes. Of rows, each relay tells of its own shards: the sum over all relays is the whole. */
export interface Watched {
  readonly figures: () => OutboxFigures | null;
  readonly shards: () => number;
}

export function createRelayMetrics({ figures, shards }: Watched): RelayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const relayed = new Counter({ name: 'millrace_outbox_relayed_total', help: 'Rows that Kafka has, and the outbox no more.', registers });
  const took = new Histogram({ name: 'millrace_outbox_batch_seconds', help: 'From reading a batch to its end.', buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], registers });
  const refused = new Counter({ name: 'millrace_outbox_refused_total', help: 'Tries of rows that were refused for what they are, by error code.', labelNames: ['code'], registers });
  const troubles = new Counter({ name: 'millrace_outbox_troubles_total', help: 'Failures that were tried again: outages of Kafka or the database.', labelNames: ['code'], registers });
  const gauge = (name: string, help: string, read: (figures: OutboxFigures) => number): void => {
    new Gauge({
      name, help, registers,
      collect() {
        const now = figures();
        if (now !== null) this.set(read(now));
      },
    });
  };
  gauge('millrace_outbox_rows', 'Rows to be relayed, in this relay\'s shards.', ({ rows }) => rows);
  gauge('millrace_outbox_oldest_seconds', 'Age of the oldest of them.', ({ oldestMs }) => oldestMs / 1000);
  gauge('millrace_outbox_blocked_rows', 'Rows that are refused, or behind one of their entity that is.', ({ blocked }) => blocked);
  gauge('millrace_outbox_retrying_rows', 'Refused rows that are tried again by themselves.', ({ retrying }) => retrying);
  gauge('millrace_outbox_sick_rows', 'Refused rows that wait for people.', ({ sick }) => sick);
  new Gauge({ name: 'millrace_outbox_shards', help: 'Shards that this relay holds.', registers, collect() { this.set(shards()); } });
  return {
    relayed(rows, tookMs) {
      relayed.inc(rows);
      took.observe(tookMs / 1000);
    },
    refused(_row, error) { refused.inc({ code: boundCode(describeFailure(error, 0).code) }); },
    trouble(error) { troubles.inc({ code: boundCode(describeFailure(error, 0).code) }); },
    async render() { return { contentType: registry.contentType, text: await registry.metrics() }; },
  };
}
