import type { Program } from '../armedProcess.ts';
import type { Tour } from '../leg.ts';

const portOf = { intake: 'MILLRACE_INTAKE_PORT', status: 'MILLRACE_STATUS_PORT', scheduler: 'MILLRACE_SCHEDULER_PORT', webhooks: 'MILLRACE_HTTP_PORT' } as const;

/**
 * A service as it is started in production, on the tour's Kafka.
 * @param database a server's address, or the folder of an embedded one; null: it has none
 */
export function serviceProgram(
  { brokers, registryUrl }: Tour, service: keyof typeof portOf, database: { readonly url: string } | { readonly folder: string } | null, env: Readonly<Record<string, string>> = {},
): Program {
  return {
    main: `services/${service}/main.ts`,
    arguments: service === 'intake' ? ['./test/failpoints/victims/doorJobs.ts'] : [],
    env: {
      KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl, MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '20ms', MILLRACE_LOG_LEVEL: 'info', [portOf[service]]: '0',
      ...databaseEnv(database),
      ...env,
    },
  };
}

function databaseEnv(database: { readonly url: string } | { readonly folder: string } | null): Readonly<Record<string, string>> {
  if (database === null) return {};
  return 'url' in database ? { DATABASE_URL: database.url } : { DATABASE_URL: '', MILLRACE_DATABASE_FOLDER: database.folder };
}
