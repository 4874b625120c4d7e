import type { Program } from '../armedProcess.ts';
import type { Tour } from '../leg.ts';

/** A service as it is started in production, on the tour's Kafka. @param database a server's address, or the folder of an embedded one */
export function serviceProgram({ brokers, registryUrl }: Tour, service: 'intake' | 'status', database: { readonly url: string } | { readonly folder: string }, env: Readonly<Record<string, string>> = {}): Program {
  return {
    main: `services/${service}/main.ts`,
    arguments: service === 'intake' ? ['./test/failpoints/victims/doorJobs.ts'] : [],
    env: {
      KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl, MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '20ms', MILLRACE_LOG_LEVEL: 'info',
      ...('url' in database ? { DATABASE_URL: database.url } : { DATABASE_URL: '', MILLRACE_DATABASE_FOLDER: database.folder }),
      [service === 'intake' ? 'MILLRACE_INTAKE_PORT' : 'MILLRACE_STATUS_PORT']: '0',
      ...env,
    },
  };
}
