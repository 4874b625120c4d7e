import type { FastifyInstance } from 'fastify';
import { createPlainDecoder } from '../../../shared/avro/plainDecoder.ts';
import type { Registry } from '../../../shared/avro/registry.ts';
import { createClaimAccess } from '../../../shared/claims/claimAccess.ts';
import type { LargePayloads } from '../../../shared/claims/largePayloads.ts';
import type { CommandTools } from '../../../shared/commands/commandTools.ts';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { guardByHost, type HostGuard } from '../../../shared/http/guardByHost.ts';
import { guardByToken } from '../../../shared/http/guardByToken.ts';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Admin, Broker } from '../../../shared/kafka/port.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { readAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { findQueues } from '../../../shared/status/findQueues.ts';
import { knownQueues } from '../../../shared/status/queueFigures.ts';
import { createJobWatch } from '../../../shared/status/watchJobs.ts';
import { createSendings } from '../sendings.ts';
import { createBurials } from './burials.ts';
import { addCommandRoutes } from './commandRoutes.ts';
import { commandedSchema, deadJobSchema, pausesSchema, rehearsalSchema, sendingSchema, tagRuleSchema } from './commandSchemas.ts';
import { addDeadRoutes } from './deadRoutes.ts';
import { addEventStream } from './eventStream.ts';
import { addJobRoutes } from './jobRoutes.ts';
import { createLookUp } from './lookUp.ts';
import { addPauseRoutes } from './pauseRoutes.ts';
import { addQueueRoutes } from './queueRoutes.ts';
import { explanationSchema, jobPageSchema, jobSchema, queueSchema, timelineEventSchema, timelineSchema } from './schemas.ts';
import { addTagRoutes } from './tagRoutes.ts';
import { addWebhookRoutes } from './webhookRoutes.ts';

export interface StatusApiOptions {
  readonly database: Database;
  readonly broker: Broker;
  readonly admin: Admin;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null: all that are there. */
  readonly queues: readonly string[] | null;
  /** What requests must bear; null: nothing. */
  readonly token: string | null;
  /** By which names it may be asked. Default: by any. */
  readonly hostGuard?: HostGuard;
  /** Addresses that webhooks may be sent to though they are not public; null: none. */
  readonly webhooksAllow?: string | null;
  /** The store of large payloads, for redriving those with others. Whoever made it closes it. Default: none. */
  readonly largePayloads?: LargePayloads | null;
  /** How long a request waits for the tables to catch up with Kafka. */
  readonly readWaitMs: number;
  readonly maxStreams: number;
  /** Called when somebody asks for a job that is not there. */
  readonly missed?: () => void;
  readonly heartbeatMs?: number;
  readonly maxBufferedBytes?: number;
}

export interface StatusApi {
  readonly app: FastifyInstance;
  /** Clients that watch now. */
  readonly openStreams: number;
  /** Ends streams and sendings, then waits for requests under way. */
  close(): Promise<void>;
}

const schemas = [
  jobSchema, jobPageSchema, timelineEventSchema, timelineSchema, explanationSchema, queueSchema, commandedSchema, sendingSchema, rehearsalSchema, deadJobSchema, pausesSchema, tagRuleSchema,
];

/** The status API; `app.listen` or `app.inject` it. */
export async function createStatusApi(options: StatusApiOptions): Promise<StatusApi> {
  const { database, broker, admin, registry, clock, logger, queues, token, readWaitMs, maxStreams, heartbeatMs, maxBufferedBytes } = options;
  const app = await createHttpApp({ logger, title: 'millrace status', description: 'What became of jobs, and commands at them.', version: '1' });
  guardByHost(app, options.hostGuard ?? null, token);
  guardByToken(app, token);
  for (const schema of schemas) app.addSchema(schema);
  const trouble = (err: unknown): void => { logger.warn({ err }, 'watching jobs failed; it is tried again'); };
  const lookUp = createLookUp({ database, admin, clock, queues, waitMs: readWaitMs, ...(options.missed === undefined ? {} : { missed: options.missed }) });
  const watch = createJobWatch({ session: database, clock, trouble });
  const producer = broker.createProducer({ clientId: 'millrace-status-commands' });
  const tools = async (): Promise<CommandTools> => {
    await producer.start();
    return { broker, admin, producer };
  };
  const sendings = createSendings({ database, clock, tools, trouble: (err) => { logger.warn({ err }, 'commands about many jobs failed'); } });
  const mustKnow = async (queue: string): Promise<void> => {
    if ((await knownQueues(database)).includes(queue)) return;
    const isShown = queues === null || queues.includes(queue);
    if (!isShown || !(await findQueues(admin)).includes(queue)) throw new MillraceError('QUEUE_UNKNOWN', { at: queue });
    // A new one, or the tables are being rebuilt.
    options.missed?.();
    throw new MillraceError('STATUS_BEHIND', { at: queue, fix: 'Ask again soon' });
  };
  const burials = createBurials({ session: database, admin, clock, waitMs: readWaitMs });
  const decoder = createPlainDecoder({ registry, clock });

  addJobRoutes(app, { database, admin, clock, lookUp });
  addQueueRoutes(app, { database, admin, clock, mustKnow });
  const claims = createClaimAccess({ payloads: options.largePayloads ?? null, registry, clock, logger });
  addCommandRoutes(app, { clock, registry, tools, lookUp, burials, claims });
  addDeadRoutes(app, { database, clock, decoder, tools, lookUp, sendings, mustKnow, burials });
  addPauseRoutes(app, { database, admin, clock, tools, waitMs: readWaitMs, mustKnow });
  addTagRoutes(app, { database, clock, lookUp });
  await addWebhookRoutes(app, { database, clock, rules: readAddressRules(options.webhooksAllow ?? null) });
  const events = addEventStream(app, {
    database, clock, lookUp, watch, maxStreams,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }), ...(maxBufferedBytes === undefined ? {} : { maxBufferedBytes }),
  });
  return {
    app,
    get openStreams() { return events.open; },
    async close() {
      watch.stop();
      events.endAll();
      await sendings.close();
      await app.close();
      claims.close();
      await producer.close();
    },
  };
}
