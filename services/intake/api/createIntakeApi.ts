import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { guardByHost, type HostGuard } from '../../../shared/http/guardByHost.ts';
import { PROBLEM_TYPE, toProblem } from '../../../shared/http/problem.ts';
import { readJson } from '../../../shared/intake/readJson.ts';
import { submissionSchema } from '../../../shared/intake/submission.ts';
import { createPatience } from '../../../shared/runtime/patience.ts';
import { addIntakeRoutes, type IntakeRouteParts } from './jobRoutes.ts';
import { acceptedSchema, batchLineSchema, batchResultSchema } from './schemas.ts';

export interface IntakeApiOptions extends IntakeRouteParts {
  /** A single job must have come in within this time. */
  readonly bodyTimeoutMs: number;
  /** A batch within this. */
  readonly batchTimeoutMs: number;
  readonly maxConnections: number;
  /** By which names it may be asked. Default: by any. */
  readonly hostGuard?: HostGuard;
  /** How often slow heads are looked for. Default 5 s. */
  readonly timeoutCheckMs?: number;
}

/** The intake API; `app.listen` or `app.inject` it. */
export async function createIntakeApi(options: IntakeApiOptions): Promise<FastifyInstance> {
  const { logger, clock, bodyTimeoutMs, maxDepth, answered, timeoutCheckMs } = options;
  const app = await createHttpApp({
    logger, title: 'millrace intake', description: 'Takes jobs in.', version: '1', bodyLimitBytes: options.maxBodyBytes, coerce: false,
    requestTimeoutMs: options.batchTimeoutMs, headersTimeoutMs: bodyTimeoutMs, ...(timeoutCheckMs === undefined ? {} : { timeoutCheckMs }),
  });
  guardByHost(app, options.hostGuard ?? null, null);
  app.server.maxConnections = options.maxConnections;
  for (const schema of [submissionSchema, acceptedSchema, batchLineSchema, batchResultSchema]) app.addSchema(schema);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(['application/json'], { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseCharset(request.headers['content-type']);
      done(null, readJson(body as Buffer, { maxDepth }));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser(['application/x-ndjson', 'application/ndjson', 'application/jsonl'], (_request, payload, done) => { done(null, payload); });
  const bodies = createPatience<FastifyReply>({
    clock, patienceMs: bodyTimeoutMs,
    lost(reply) {
      if (reply.request.raw.readableEnded || reply.sent) return;
      reply.hijack();
      answerAndCut(reply.raw, new MillraceError('REQUEST_TIMEOUT', { expected: `the whole body within ${bodyTimeoutMs} ms`, got: 'less' }));
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    const { 'content-encoding': encoding, 'content-type': type = '' } = request.headers;
    if (encoding !== undefined && encoding !== 'identity') {
      done(unsupported('no Content-Encoding', encoding));
      return;
    }
    const wanted = request.routeOptions.url === '/v1/jobs/batch' ? ndjson : json;
    if (request.method === 'POST' && request.routeOptions.url !== undefined && !wanted.test(type)) {
      done(unsupported(wanted === json ? 'application/json' : 'application/x-ndjson', type));
      return;
    }
    if (wanted === json && request.method === 'POST') bodies.begin(reply);
    done();
  });
  app.addHook('preValidation', (_request, reply, done) => {
    bodies.end(reply);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    // It was refused before its body was here.
    bodies.end(reply);
    if (request.routeOptions.url === '/v1/jobs') answered('single', reply.statusCode, reply.elapsedTime);
    done();
  });
  addIntakeRoutes(app, options);
  return app;
}

const json = /^application\/json\s*(;|$)/i;
const ndjson = /^application\/(x-ndjson|ndjson|jsonl)\s*(;|$)/i;

function refuseCharset(type: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw unsupported('charset utf-8', charset);
}

function unsupported(expected: string, got: string): Error {
  return Object.assign(new Error(`expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`), { statusCode: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
}

/** The answer to a request that is not here yet; what is still to come is not wanted. */
function answerAndCut(response: ServerResponse, error: MillraceError): void {
  const problem = toProblem(error);
  response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE, connection: 'close' });
  response.end(JSON.stringify(problem), () => { response.req.destroy(); });
}
