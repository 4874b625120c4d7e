import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from '../runtime/logger.ts';
import { PROBLEM_TYPE, problemSchema, toProblem, type Problem } from './problem.ts';

export interface HttpAppOptions {
  readonly logger: Logger;
  /** Of the API, in its description. */
  readonly title: string;
  readonly description: string;
  readonly version: string;
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number;
}

/** Seconds after which a client may try again what failed for want of a part that is away. */
const RETRY_AFTER_SECONDS = '2';

/**
 * An HTTP application as all of ours are: strict JSON schemas, failures as problem+json, its OpenAPI document at `/openapi.json`, bounds on
 * headers, bodies and time. Register routes, then `listen`.
 */
export async function createHttpApp({ logger, title, description, version, bodyLimitBytes = 1024 * 1024 }: HttpAppOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    // What is refused before routing: paths that cannot be decoded.
    frameworkErrors: (error, _request, reply) => { answer(reply, toProblem(error)); },
    bodyLimit: bodyLimitBytes,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: 16_384 },
    routerOptions: { maxParamLength: 1024 },
    // Unknown names are mistakes, and texts are no numbers in a body; in a query all is text.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: true, useDefaults: true } },
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) logger.warn({ err: error, method: request.method, path: request.url.split('?')[0] }, 'a request failed');
    answer(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => {
    answer(reply, { type: 'about:blank', title: 'There is nothing here', status: 404, detail: '/openapi.json tells what there is.', code: 'NOT_FOUND' });
  });
  app.addSchema(problemSchema);
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title, description, version } },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (typeof json['$id'] === 'string' ? json['$id'] : `schema${index}`) },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  return app;
}

function answer(reply: FastifyReply, problem: Problem): void {
  if (problem.status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply.code(problem.status).header('content-type', PROBLEM_TYPE).serializer(JSON.stringify).send(problem);
}
