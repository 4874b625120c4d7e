import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import type { LargePayloadOptions } from '../../shared/claims/largePayloads.ts';
import { createClient } from '../../shared/client/client.ts';
import { migrate } from '../../shared/database/migrate.ts';
import { openDatabase } from '../../shared/database/openDatabase.ts';
import type { Database } from '../../shared/database/port.ts';
import type { HostProcess } from '../../shared/embedded/hostProcess.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { createBacklog } from '../../shared/intake/backlog.ts';
import { createJobDoor, type JobDoor } from '../../shared/intake/jobDoor.ts';
import { keepKeysMs } from '../../shared/intake/keepKeys.ts';
import { createKeyBook } from '../../shared/intake/keyBook.ts';
import { INTAKE, intakeMigrations } from '../../shared/intake/keyMigrations.ts';
import type { JobDefinition } from '../../shared/jobs/jobDefinition.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { DEFAULT_TOPICS, prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { requireConnections } from '../../shared/runtime/config/requireConnections.ts';
import { createEndpointService } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import { createIntakeApi } from './api/createIntakeApi.ts';
import type { IntakeConfig } from './config.ts';
import { createIntakeMetrics } from './intakeMetrics.ts';

/** How long a queue's main topic keeps a job that nobody reads, by its declaration. */
const MAIN_RETENTION_MS = 14 * 86_400_000;
const SWEEP_EVERY_MS = 60_000;
/** After so long without Kafka its callers should ask another instance. */
const READY_WITHIN_MS = 10_000;

/** The services of an intake process, in the order of their start. Given a database, it uses that, and leaves it open at the end. */
export function createIntakeServices(config: IntakeConfig, jobs: readonly JobDefinition[], host: Pick<HostProcess, 'pid' | 'kill'>, logger: Logger, given: Database | null = null, largePayloads: LargePayloadOptions | null = null): Service[] {
  const { brokers, registryUrl } = requireConnections(config);
  const queues = [...new Set(jobs.map(({ queue }) => queue))];
  const broker = createKafkajsBroker({ brokers, compression: config.compression });
  const admin = broker.createAdmin({ clientId: 'millrace-intake' });
  const codec = createCodec({ registry: createRegistry({ url: registryUrl }), clock: systemClock });
  const client = createClient({
    broker, codec, source: '/millrace/intake', clientId: 'millrace-intake', jobs, maxRecordBytes: Math.min(1_000_000, config.intakeBodyBytes),
    prepareQueue: (queue) => prepareTopics(admin, [queue], DEFAULT_TOPICS, logger),
    // Less than a caller is let wait for: what is refused to it shall not arrive later, if that can be helped.
    deliveryTimeout: `${Math.ceil(config.intakePatience * 0.75)}ms`,
    maxPendingJobs: config.intakePendingJobs,
    maxPendingBytes: config.intakePendingBytes,
    ...(largePayloads === null ? {} : { largePayloads }),
  });
  const backlog = createBacklog({
    admin, queues, clock: systemClock, limits: { maxJobs: config.intakeMaxLag, maxDrainMs: config.intakeMaxDrain },
    trouble: (queue, err) => { logger.warn({ err, queue }, 'the backlog could not be read; the last figures stand'); },
  });
  const leastKeepMs = keepKeysMs(jobs.map(({ policy }) => policy), MAIN_RETENTION_MS);
  const keepMs = Math.max(leastKeepMs, config.intakeKeepKeys ?? 0);
  let database: Database | null = given;
  let door: JobDoor | null = null;
  let app: FastifyInstance | null = null;
  let stopSweeping = (): void => undefined;
  const metrics = createIntakeMetrics({ pendingJobs: () => door?.pendingJobs ?? 0, backlogs: () => new Map(queues.map((queue) => [queue, backlog.figures(queue)])) });
  const ready: HealthCheck = {
    name: 'kafka',
    check() {
      if (app === null) return { ok: false, reason: 'starting' };
      const away = [...door?.outages() ?? []].filter(([, sinceMs]) => systemClock.monotonic() - sinceMs > READY_WITHIN_MS);
      return away.length > 0 ? { ok: false, reason: `takes nothing: ${away.map(([queue]) => queue).join(', ')}` } : { ok: true, reason: `${jobs.length} kinds` };
    },
  };

  return [
    createEndpointService({ host: config.httpHost, port: config.httpPort, metrics, live: [], ready: [ready], logger }),
    createService('database', {
      async start() {
        database ??= await openDatabase({ url: config.databaseUrl, folder: config.databaseFolder, host, applicationName: 'millrace-intake' });
        await migrate(database, INTAKE, intakeMigrations);
      },
      stop: async () => { if (given === null) await database?.close(); },
    }),
    createService('kafka', {
      async start() {
        // Without Kafka it starts all the same, and says so to whoever asks.
        await client.start().catch((err: unknown) => { logger.warn({ err }, 'Kafka or the registry does not answer yet'); });
        backlog.start();
      },
      async stop() {
        backlog.stop();
        await client.close();
        await admin.close();
      },
    }),
    createService('api', {
      async start() {
        if (database === null) throw new MillraceError('NOT_RUNNING', { at: 'database' });
        const keyBook = createKeyBook({ database, owner: randomUUID(), leaseMs: config.intakePatience * 3 });
        stopSweeping = sweepKeys(() => keyBook.sweep(), logger);
        const trouble = (err: unknown): void => {
          metrics.trouble();
          logger.warn({ err }, 'an idempotency key could not be written down');
        };
        const made = createJobDoor({
          client, jobs, keyBook, backlog, clock: systemClock, patienceMs: config.intakePatience, maxPendingJobs: config.intakePendingJobs,
          maxPendingBytes: config.intakePendingBytes, keepKeysMs: keepMs, idsOfTenants: config.intakeTenantHeader !== null, trouble,
        });
        door = made;
        app = await createIntakeApi({
          door: made, hostGuard: { listensOn: config.intakeHost, names: config.apiNames }, clock: systemClock, logger, tenantHeader: config.intakeTenantHeader?.toLowerCase() ?? null, maxBodyBytes: config.intakeBodyBytes, maxDepth: config.intakeDepth,
          maxBatchLines: config.intakeBatchLines, idleMs: config.intakeBodyTimeout, bodyTimeoutMs: config.intakeBodyTimeout, batchTimeoutMs: config.intakeBatchTimeout,
          maxConnections: config.intakeConnections, answered: (way, status, tookMs) => { metrics.answered(way, status, tookMs); },
        });
        const address = await app.listen({ host: config.intakeHost, port: config.intakePort });
        logger.info({ address, kinds: jobs.map(({ kind }) => kind), keepKeysMs: keepMs }, 'taking jobs in');
      },
      async stop() {
        stopSweeping();
        // What comes on open connections is refused; what is under way is answered.
        await Promise.all([door?.close(), app?.close()]);
      },
    }),
  ];
}

function sweepKeys(sweep: () => Promise<number>, logger: Logger): () => void {
  let cancel = systemClock.after(SWEEP_EVERY_MS, run);
  function run(): void {
    sweep().catch((err: unknown) => { logger.warn({ err }, 'old idempotency keys could not be removed'); }).finally(() => { cancel = systemClock.after(SWEEP_EVERY_MS, run); });
  }
  return () => { cancel(); };
}
