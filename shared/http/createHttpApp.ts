import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Logger } from '../runtime/logger.ts';
import { isTime } from '../runtime/readTime.ts';
import { refuseOtherSites } from './refuseOtherSites.ts';
import { PROBLEM_TYPE, problemSchema, toProblem, type Problem } from './problem.ts';

export interface HttpAppOptions {
  readonly logger: Logger;
  /** Of the API, in its description. */
  readonly title: string;
  readonly description: string;
  readonly version: string;
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** A request must have come in whole within this time. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Its head within this. Default 10 s. */
  readonly headersTimeoutMs?: number;
  /** How often both are looked at. Default 5 s. */
  readonly timeoutCheckMs?: number;
  /** Whether texts that look like numbers are taken for such, and the like. A query needs it; an API with bodies must not have it. Default true. */
  readonly coerce?: boolean;
}

/** Seconds after which a client may try again what failed for want of a part that is away. */
const RETRY_AFTER_SECONDS = '2';

/**
 * An HTTP application as all of ours are: strict JSON schemas, failures as problem+json, its OpenAPI document at `/openapi.json`, bounds on
 * headers, bodies and time. Register routes, then `listen`.
 */
export async function createHttpApp(options: HttpAppOptions): Promise<FastifyInstance> {
  const { logger, title, description, version, bodyLimitBytes = 1024 * 1024, requestTimeoutMs = 30_000, headersTimeoutMs = 10_000, timeoutCheckMs = 5000, coerce = true } = options;
  const app = fastify({
    logger: false,
    // What is refused before routing: paths that cannot be decoded.
    frameworkErrors: (error, _request, reply) => { answerProblem(reply, error); },
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: 60_000,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: 16_384, headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs), connectionsCheckingInterval: timeoutCheckMs },
    routerOptions: { maxParamLength: 1024 },
    // Verbose: a fault names its schema, for what was probably meant. Unknown names are mistakes, and texts are no numbers in a body; in a query all is text.
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: coerce ? 'array' : false, allErrors: true, useDefaults: true, verbose: true },
      // The validator's own takes times that no Date holds.
      onCreate: (ajv) => { ajv.addFormat('date-time', isTime); },
    },
  });
  app.setErrorHandler((error, request, reply) => {
    logFailure(logger, error, answerProblem(reply, error), { method: request.method, path: request.url.split('?')[0] });
  });
  app.setNotFoundHandler((_request, reply) => {
    answer(reply, { type: 'about:blank', title: 'There is nothing here', status: 404, detail: '/openapi.json tells what there is.', code: 'NOT_FOUND' });
  });
  refuseOtherSites(app);
  app.addSchema(problemSchema);
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title, description, version } },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (typeof json['$id'] === 'string' ? json['$id'] : `schema${index}`) },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  return app;
}

/** Tells the log of what was the server's own trouble. */
export function logFailure(logger: Logger, error: unknown, { status }: Problem, where: object): void {
  // What passes by itself comes a thousand times a second while it lasts.
  if (status >= 500) logger[isMillraceError(error) && error.retriable ? 'debug' : 'warn']({ err: error, ...where }, 'a request failed');
}

/** Answers with what went wrong. @returns the problem as it was told */
export function answerProblem(reply: FastifyReply, error: unknown): Problem {
  const problem = toProblem(error);
  if (isMillraceError(error) && error.detail.retryAfterMs !== undefined) void reply.header('retry-after', Math.max(1, Math.ceil(error.detail.retryAfterMs / 1000)));
  answer(reply, problem);
  return problem;
}

function answer(reply: FastifyReply, problem: Problem): void {
  if (problem.status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply.code(problem.status).header('content-type', PROBLEM_TYPE).serializer(JSON.stringify).send(problem);
}
