import type { FastifyInstance } from 'fastify';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import type { Database } from '../../../shared/database/port.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { createJobWatch } from '../../../shared/status/watchJobs.ts';
import { addEventStream } from './eventStream.ts';
import { addJobRoutes } from './jobRoutes.ts';
import { createLookUp } from './lookUp.ts';
import { addQueueRoutes } from './queueRoutes.ts';
import { explanationSchema, jobPageSchema, jobSchema, queueSchema, timelineSchema } from './schemas.ts';

export interface StatusApiOptions {
  readonly database: Database;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null: all that are there. */
  readonly queues: readonly string[] | null;
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
  /** Ends streams, then waits for requests under way. */
  close(): Promise<void>;
}

/** The status API; `app.listen` or `app.inject` it. */
export async function createStatusApi(options: StatusApiOptions): Promise<StatusApi> {
  const { database, admin, clock, logger, queues, readWaitMs, maxStreams, heartbeatMs, maxBufferedBytes } = options;
  const app = await createHttpApp({ logger, title: 'millrace status', description: 'What became of jobs.', version: '1' });
  for (const schema of [jobSchema, jobPageSchema, timelineSchema, explanationSchema, queueSchema]) app.addSchema(schema);
  const trouble = (err: unknown): void => { logger.warn({ err }, 'watching jobs failed; it is tried again'); };
  const lookUp = createLookUp({ database, admin, clock, queues, waitMs: readWaitMs, ...(options.missed === undefined ? {} : { missed: options.missed }) });
  const watch = createJobWatch({ session: database, clock, trouble });
  addJobRoutes(app, { database, admin, clock, lookUp });
  addQueueRoutes(app, { database, admin, clock });
  const events = addEventStream(app, {
    database, clock, lookUp, watch, maxStreams, trouble,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }), ...(maxBufferedBytes === undefined ? {} : { maxBufferedBytes }),
  });
  return {
    app,
    get openStreams() { return events.open; },
    async close() {
      watch.stop();
      events.endAll();
      await app.close();
    },
  };
}
