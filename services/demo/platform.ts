import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { announcementMigrations, ANNOUNCEMENTS, defineAnnounceDeparture } from '../../examples/flights/announce.ts';
import { openClaims } from '../../shared/claims/openClaims.ts';
import { migrate } from '../../shared/database/migrate.ts';
import { openDatabase } from '../../shared/database/openDatabase.ts';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import type { HostProcess } from '../../shared/embedded/hostProcess.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { DEFAULT_TOPICS, prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { createMillrace } from '../../shared/millrace.ts';
import { claimKeys, databaseKeys, knownNames } from '../../shared/runtime/config/keys.ts';
import { readConfig } from '../../shared/runtime/config/readConfig.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Service } from '../../shared/runtime/service.ts';
import { readIntakeConfig } from '../intake/config.ts';
import { createIntakeServices } from '../intake/intakeService.ts';
import { readOutboxRelayConfig } from '../outbox-relay/config.ts';
import { createOutboxRelayServices } from '../outbox-relay/relayService.ts';
import { readSchedulerConfig } from '../scheduler/config.ts';
import { createSchedulerServices } from '../scheduler/schedulerService.ts';
import { readStatusConfig } from '../status/config.ts';
import { createStatusServices } from '../status/statusService.ts';
import { readWebhooksConfig } from '../webhooks/config.ts';
import { createWebhookServices } from '../webhooks/webhooksService.ts';

export interface PlatformOptions {
  readonly host: HostProcess;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly homeDir: string;
  /** Of the jobs that the intake takes. */
  readonly queue: string;
  /** Queues that the status shows where the Kafka is somebody else's. */
  readonly shownQueues: readonly string[];
  /** Nobody else's: its schedules and webhooks are ours to run, and all of its queues to show. */
  readonly ownKafka: boolean;
  /** The log of a service, by its name. */
  readonly loggerOf: (service: string) => Logger;
}

export interface Platform {
  readonly intakeUrl: string;
  readonly statusUrl: string;
  /** Null: it was not started. */
  readonly schedulerUrl: string | null;
  stop(): Promise<void>;
}

/** Where the embedded database keeps its data, below the folder of the stack. @param brokers of somebody else's Kafka, which has books of its own; null: ours */
export function databaseFolder(homeDir: string, brokers: string | null): string {
  return join(homeDir, brokers === null ? 'database' : `database-${createHash('sha256').update(brokers).digest('hex').slice(0, 8)}`);
}

/**
 * Starts all services of the platform in this process (where the Kafka is somebody else's: intake, status and outbox relay), on one database: that of DATABASE_URL, else an embedded one below `homeDir`; and a worker for the
 * jobs that the intake takes. Ports are the configured ones where they are free, else any.
 * @throws what keeps one of them from starting; then none runs
 */
export async function startPlatform({ host, brokers, registryUrl, homeDir, queue, shownQueues, ownKafka, loggerOf }: PlatformOptions): Promise<Platform> {
  const wishes = [readIntakeConfig(host.env).intakePort, readStatusConfig(host.env).statusPort, readSchedulerConfig(host.env).schedulerPort];
  const [intakePort = 0, statusPort = 0, schedulerPort = 0] = await freePorts(wishes);
  const env = {
    ...(ownKafka ? {} : { MILLRACE_STATUS_QUEUES: [...shownQueues, queue].join(',') }),
    ...host.env,
    KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl,
    MILLRACE_INTAKE_PORT: String(intakePort), MILLRACE_STATUS_PORT: String(statusPort), MILLRACE_SCHEDULER_PORT: String(schedulerPort),
    // Each service has its own endpoint for metrics and health.
    MILLRACE_HTTP_PORT: '0',
  };
  const { databaseUrl } = readConfig(databaseKeys, env, knownNames);
  const largePayloads = await openClaims(readConfig(claimKeys, env, knownNames));
  const database = await openDatabase({ url: databaseUrl, folder: databaseFolder(homeDir, ownKafka ? null : brokers), host, applicationName: 'millrace' });
  const job = defineAnnounceDeparture(queue);
  const millrace = createMillrace({ brokers, registryUrl, source: '/demo', logger: loggerOf('worker'), database, ...(largePayloads === null ? {} : { largePayloads }) });
  let groups: readonly (readonly Service[])[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(groups.map(async (services) => {
      for (const service of services.toReversed()) await service.stop().catch((err: unknown) => { loggerOf('start').error({ err }, `${service.name} did not stop cleanly`); });
    }));
    await millrace.close();
    await database.close();
  };
  try {
    // The status shows no queue that is not there.
    await Promise.all([makeTopics(brokers, [...shownQueues, queue], loggerOf('start')), migrate(database, ANNOUNCEMENTS, announcementMigrations)]);
    groups = [
      createStatusServices(readStatusConfig(env), host, loggerOf('status'), database),
      createIntakeServices(readIntakeConfig(env), [job], host, loggerOf('intake'), database, largePayloads),
      createOutboxRelayServices(readOutboxRelayConfig(env), loggerOf('outbox-relay'), database),
      ...(ownKafka ? [createWebhookServices(readWebhooksConfig(env), host, loggerOf('webhooks'), database), createSchedulerServices(readSchedulerConfig(env), loggerOf('scheduler'))] : []),
    ];
    // Those of one process need their order; the processes do not.
    const starts = await Promise.allSettled([millrace.work([job]), ...groups.map(async (services) => { for (const service of services) await service.start(); })]);
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
  return { intakeUrl: urlOf(intakePort), statusUrl: urlOf(statusPort), schedulerUrl: ownKafka ? urlOf(schedulerPort) : null, stop };
}

async function makeTopics(brokers: string, queues: readonly string[], logger: Logger): Promise<void> {
  const admin = createKafkajsBroker({ brokers: brokers.split(',') }).createAdmin({ clientId: 'millrace-start' });
  try {
    await prepareTopics(admin, queues, DEFAULT_TOPICS, logger);
  } finally {
    await admin.close();
  }
}
