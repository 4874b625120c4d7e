import { createRegistry } from '../../shared/avro/registry.ts';
import { openDatabase } from '../../shared/database/openDatabase.ts';
import type { Database } from '../../shared/database/port.ts';
import type { HostProcess } from '../../shared/embedded/hostProcess.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { DEFAULT_TOPICS } from '../../shared/kafka/prepareTopics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { requireConnections } from '../../shared/runtime/config/requireConnections.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { createEndpointService } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createMetrics } from '../../shared/runtime/metrics/metrics.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import { readAddressRules } from '../../shared/webhooks/addressRules.ts';
import { createSafePost } from '../../shared/webhooks/postSafely.ts';
import { createWebhooks, type Webhooks } from '../../shared/webhooks/webhooks.ts';
import { createMetricsObserver } from '../../shared/worker/metricsObserver.ts';
import { readQueue } from '../../shared/worker/readQueue.ts';
import { WEBHOOK_KIND } from '../../shared/webhooks/webhookJob.ts';
import type { WebhooksConfig } from './config.ts';

/** The services of a webhooks process, in the order of their start. Given a database, it uses that, and leaves it open at the end. */
export function createWebhookServices(config: WebhooksConfig, host: Pick<HostProcess, 'pid' | 'kill'>, logger: Logger, given: Database | null = null): Service[] {
  const { brokers, registryUrl } = requireConnections(config);
  const rules = readAddressRules(config.webhooksAllow);
  const metrics = createMetrics({ measureProcess: true });
  const deliveries = metrics.forQueue(config.webhooksQueue, [WEBHOOK_KIND]);
  let database: Database | null = given;
  let webhooks: Webhooks | null = null;
  const ready: HealthCheck = {
    name: 'webhooks',
    check: () => (webhooks?.worker.ready === true ? { ok: true, reason: 'delivering' } : { ok: false, reason: webhooks?.worker.waitsFor ?? 'starting' }),
  };
  return [
    createEndpointService({ host: config.httpHost, port: config.httpPort, metrics, live: [], ready: [ready], logger }),
    createService('database', {
      start: async () => { database ??= await openDatabase({ url: config.databaseUrl, folder: config.databaseFolder, host, applicationName: 'millrace-webhooks' }); },
      stop: async () => { if (given === null) await database?.close(); },
    }),
    createService('webhooks', {
      async start() {
        if (database === null) throw new MillraceError('NOT_RUNNING', { at: 'database' });
        const made = createWebhooks({
          broker: createKafkajsBroker({ brokers, compression: config.compression }), registry: createRegistry({ url: registryUrl }), database, clock: systemClock, logger, topics: DEFAULT_TOPICS, queue: config.webhooksQueue,
          post: createSafePost({ rules, timeoutMs: config.webhooksTimeout }), concurrency: config.webhooksConcurrency, observer: createMetricsObserver(deliveries),
        });
        webhooks = made;
        await made.start();
        for (const runner of made.worker.runners) deliveries.watch(() => readQueue(runner));
      },
      interrupt: () => { webhooks?.stop().catch(() => undefined); },
      stop: async () => { await webhooks?.stop(); },
    }),
  ];
}
