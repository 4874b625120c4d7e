import { randomUUID } from 'node:crypto';
import { migrate } from '../../shared/database/migrate.ts';
import type { Database } from '../../shared/database/port.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { DEFAULT_TOPICS, prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { OUTBOX, outboxMigrations } from '../../shared/outbox/outboxTables.ts';
import { createOutboxRelay, type OutboxRelay } from '../../shared/outbox/relay.ts';
import type { RelayObserver } from '../../shared/outbox/relayStream.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { missingSettings } from '../../shared/runtime/config/requireConnections.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { createHttpEndpoint } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import type { OutboxRelayConfig } from './config.ts';
import { createRelayMetrics } from './relayMetrics.ts';

/** A relay that moves nothing for so long though it should is not ready: Kafka or the database is away. */
const READY_WITHIN_MS = 30_000;
/** Longer than all time limits of a turn together: then it hangs. */
const LIVE_WITHIN_MS = 120_000;
/** Streams, lease, chores. */
const CONNECTIONS = 7;
/** A relay that freezes within a transaction holds its shards no longer than this. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** The services of a relay process, in the order of their start. Given a database, it uses that, and leaves it open at the end. */
export function createOutboxRelayServices(config: OutboxRelayConfig, logger: Logger, given: Database | null = null): Service[] {
  const { brokers, databaseUrl } = config;
  const wantsDatabase = databaseUrl === null && given === null;
  if (brokers === null || wantsDatabase) throw missingSettings([...(brokers === null ? ['KAFKA_BROKERS'] as const : []), ...(wantsDatabase ? ['DATABASE_URL'] as const : [])]);
  const database = given ?? openPostgres({ url: databaseUrl ?? '', applicationName: 'millrace-outbox-relay', maxConnections: CONNECTIONS, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const broker = createKafkajsBroker({ brokers, compression: config.compression });
  const admin = broker.createAdmin({ clientId: 'millrace-outbox-relay' });
  const producer = broker.createProducer({ clientId: 'millrace-outbox-relay' });
  const metrics = createRelayMetrics({ figures: () => relay.figures, shards: () => relay.shards.length });
  let started = false;
  const observer: RelayObserver = {
    relayed: (rows, tookMs) => { metrics.relayed(rows, tookMs); },
    refused(row, err) {
      metrics.refused(row, err);
      logger.warn({ err, seq: row.seq, queue: row.queue, jobId: row.id, tries: row.tries + 1 }, 'a row was refused; its entity waits');
    },
    trouble(err) {
      metrics.trouble(err);
      logger.warn({ err }, 'relaying failed for now; it is tried again');
    },
  };
  const relay: OutboxRelay = createOutboxRelay({
    database, producer, observer, relayId: randomUUID(), clock: systemClock, random: Math.random,
    prepareQueue: (queue) => prepareTopics(admin, [queue], DEFAULT_TOPICS, logger),
    leaseMs: config.outboxLease, pollMs: config.outboxPoll, maxTries: config.outboxTries,
  });
  const ready: HealthCheck = {
    name: 'relay',
    check() {
      if (!started) return { ok: false, reason: 'starting' };
      return { ok: relay.stillMs < READY_WITHIN_MS, reason: relay.stillMs < READY_WITHIN_MS ? `${relay.shards.length} shards` : `nothing moved for ${Math.round(relay.stillMs / 1000)} s` };
    },
  };
  const live: HealthCheck = {
    name: 'loops',
    check: () => ({ ok: relay.hangsMs < LIVE_WITHIN_MS, reason: relay.hangsMs < LIVE_WITHIN_MS ? 'turning' : `one stands for ${Math.round(relay.hangsMs / 1000)} s` }),
  };
  const endpoint = createHttpEndpoint({ host: config.httpHost, port: config.httpPort, metrics, live: [live], ready: [ready], logger });

  return [
    createService('http', {
      start: async () => { logger.info({ host: config.httpHost, port: await endpoint.start() }, 'serving /metrics, /livez and /readyz'); },
      stop: () => endpoint.stop(),
    }),
    createService('database', {
      start: () => migrate(database, OUTBOX, outboxMigrations),
      stop: async () => { if (given === null) await database.close(); },
    }),
    createService('kafka', {
      // Without Kafka it starts all the same: rows wait where they are.
      start: () => producer.start().catch((err: unknown) => { logger.warn({ err }, 'Kafka does not answer yet'); }),
      async stop() {
        await producer.close();
        await admin.close();
      },
    }),
    createService('relay', {
      async start() {
        await relay.start();
        started = true;
        logger.info({ shards: relay.shards }, 'relaying');
      },
      stop: () => relay.stop(),
    }),
  ];
}
