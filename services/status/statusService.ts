import { createRegistry } from '../../shared/avro/registry.ts';
import { compileLargePayloads, type LargePayloads } from '../../shared/claims/largePayloads.ts';
import { openClaims } from '../../shared/claims/openClaims.ts';
import { openDatabase } from '../../shared/database/openDatabase.ts';
import type { Database } from '../../shared/database/port.ts';
import type { HostProcess } from '../../shared/embedded/hostProcess.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { requireConnections } from '../../shared/runtime/config/requireConnections.ts';
import { createEndpointService } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import type { ProjectorObserver } from '../../shared/status/queueProjector.ts';
import { createStatusProjection, type StatusProjection } from '../../shared/status/statusProjection.ts';
import { createStatusApi, type StatusApi } from './api/createStatusApi.ts';
import type { StatusConfig } from './config.ts';
import { createStatusMetrics } from './statusMetrics.ts';

const DISCOVER_EVERY_MS = 30_000;
/** A projection that cannot write for so long is not ready; its clients should ask another instance. */
const READY_WITHIN_MS = 30_000;

/** The services of a status process, in the order of their start. Given a database, it uses that, and leaves it open at the end. */
export function createStatusServices(config: StatusConfig, host: Pick<HostProcess, 'pid' | 'kill'>, logger: Logger, given: Database | null = null): Service[] {
  const { brokers, registryUrl } = requireConnections(config);
  const queues = config.statusQueues?.split(',').map((name) => name.trim()) ?? null;
  let database: Database | null = given;
  let projection: StatusProjection | null = null;
  let api: StatusApi | null = null;
  let largePayloads: LargePayloads | null = null;
  const broker = createKafkajsBroker({ brokers });
  const admin = broker.createAdmin({ clientId: 'millrace-status' });
  const registry = createRegistry({ url: registryUrl });
  const metrics = createStatusMetrics(() => api?.openStreams ?? 0);
  const opened = (): Database => {
    if (database === null) throw new MillraceError('NOT_RUNNING', { at: 'database' });
    return database;
  };

  const ready: HealthCheck = {
    name: 'projection',
    check() {
      if (projection === null) return { ok: false, reason: 'starting' };
      const failing = projection.projectors.filter(({ failingSinceMs }) => failingSinceMs !== null && systemClock.monotonic() - failingSinceMs > READY_WITHIN_MS);
      return failing.length > 0 ? { ok: false, reason: `cannot write: ${failing.map(({ queue }) => queue).join(', ')}` } : { ok: true, reason: `${projection.queues.length} queues` };
    },
  };

  return [
    createEndpointService({ host: config.httpHost, port: config.httpPort, metrics, live: [], ready: [ready], logger }),
    createService('database', {
      start: async () => { database ??= await openDatabase({ url: config.databaseUrl, folder: config.databaseFolder, host, applicationName: 'millrace-status' }); },
      stop: async () => { if (given === null) await database?.close(); },
    }),
    createService('projection', {
      async start() {
        const observer: ProjectorObserver = {
          applied: (queue, counts) => { metrics.applied(queue, counts); },
          skipped(queue, record) {
            metrics.skipped?.(queue, record);
            const { error: err, ...place } = record;
            logger.error({ err, queue, ...place }, 'the database refuses what stands in a record: it is left out');
          },
          trouble(queue, err) {
            metrics.trouble(queue, err);
            logger.warn({ err, queue }, 'reading into the tables failed; it is tried again');
          },
        };
        const made = createStatusProjection({
          broker, admin, registry, database: opened(), clock: systemClock, observer, queues,
          discoverEveryMs: DISCOVER_EVERY_MS, retentionMs: config.statusRetention, deadRetentionMs: config.statusDeadRetention, maxPayloadBytes: config.statusPayloadBytes,
          payloadFields: config.statusPayloadFields?.split(',').map((path) => path.trim()) ?? [],
        });
        projection = made;
        await made.start();
      },
      async stop() {
        await projection?.stop();
        await admin.close();
      },
    }),
    createService('api', {
      async start() {
        const claims = await openClaims(config);
        largePayloads = claims === null ? null : compileLargePayloads(claims, systemClock);
        api = await createStatusApi({
          database: opened(), broker, admin, registry, clock: systemClock, logger, queues, largePayloads, token: config.apiToken, hostGuard: { listensOn: config.statusHost, names: config.apiNames }, readWaitMs: config.statusReadWait, webhooksAllow: config.webhooksAllow, maxStreams: config.statusStreams,
          missed: () => { projection?.discoverSoon(); },
        });
        const address = await api.app.listen({ host: config.statusHost, port: config.statusPort });
        logger.info({ address }, 'serving the status API');
      },
      async stop() {
        await api?.close();
        await largePayloads?.store.close();
      },
    }),
  ];
}
