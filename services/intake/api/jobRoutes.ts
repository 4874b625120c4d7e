import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MillraceError, isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { logFailure } from '../../../shared/http/createHttpApp.ts';
import { toProblem } from '../../../shared/http/problem.ts';
import type { Accepted, Caller, JobDoor } from '../../../shared/intake/jobDoor.ts';
import { readJson } from '../../../shared/intake/readJson.ts';
import type { Submission } from '../../../shared/intake/submission.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { answerLines } from './answerLines.ts';
import { readCaller } from './readCaller.ts';
import { readLines, type Line } from './readLines.ts';
import { refusals, requestHeaders } from './schemas.ts';

export interface IntakeRouteParts {
  readonly logger: Logger;
  readonly door: Pick<JobDoor, 'accept' | 'closing'>;
  readonly clock: Clock;
  /** In lower case; null: there is one tenant. */
  readonly tenantHeader: string | null;
  readonly maxBodyBytes: number;
  readonly maxDepth: number;
  readonly maxBatchLines: number;
  readonly idleMs: number;
  /** Each answer, for metrics: HTTP status, and how long it took, ms. */
  readonly answered: (way: 'single' | 'batch', status: number, tookMs: number) => void;
}

/** Of one batch under way at once: with large lines it shall not take the room of all, and be refused by itself. */
const WINDOW = { lines: 512, bytes: 8 * 1024 * 1024 };
const NDJSON = 'application/x-ndjson';

type BatchLine = Submission & { readonly idempotencyKey?: string };

export function addIntakeRoutes(app: FastifyInstance, parts: IntakeRouteParts): void {
  const { logger, door, clock, tenantHeader, maxDepth, maxBodyBytes, answered } = parts;

  app.post<{ Body: Submission }>('/v1/jobs', {
    schema: {
      summary: 'Enqueues a job. 202 once Kafka has it on all in-sync replicas',
      body: { $ref: 'Submission#' },
      headers: requestHeaders,
      response: { 202: { description: 'Accepted', headers: { location: { type: 'string', description: 'Where the status API tells what became of it.' } }, content: { 'application/json': { schema: { $ref: 'Accepted#' } } } }, ...refusals },
    },
  }, async (request, reply) => {
    const accepted = await door.accept(request.body, readCaller(request, tenantHeader, Number(request.headers['content-length'] ?? maxBodyBytes)));
    return reply.code(202).header('location', statusPath(accepted)).send(accepted);
  });

  app.post<{ Body: Readable }>('/v1/jobs/batch', {
    schema: {
      summary: 'Enqueues a job for each line of NDJSON, and answers each by a line, in order, while lines still come: read while you write',
      body: { content: { [NDJSON]: { schema: { description: 'A BatchLine on each line.' } } } },
      headers: requestHeaders,
      response: { 200: { description: 'A line for each line', content: { [NDJSON]: { schema: { $ref: 'BatchResult#' } } } }, ...refusals },
    },
  }, (request, reply) => {
    const caller = readCaller(request, tenantHeader, 0);
    const check = compileCheck(request);
    const one = (line: Line): Promise<string> => answerLine(line, caller, check);
    const lines = untilEnd(parts.maxBatchLines, door, readLines(request.body, { maxLineBytes: maxBodyBytes, idleMs: parts.idleMs, clock }));
    // What is still to come when all is said is not wanted.
    reply.raw.once('finish', () => { if (!request.raw.complete) request.raw.destroy(); });
    return reply.code(200).header('content-type', NDJSON).send(Readable.from(withEnd(answerLines(lines, one, WINDOW)), { objectMode: true, highWaterMark: 16 }));
  });

  const answerLine = async ({ number, bytes }: Line, caller: Caller, check: (line: unknown) => void): Promise<string> => {
    const startMs = clock.monotonic();
    const at = `line ${number}`;
    let result: object;
    let status = 202;
    try {
      if (bytes === null) throw new MillraceError('BROKER_RECORD_TOO_LARGE', { at, expected: `lines of at most ${maxBodyBytes} bytes`, got: 'more' });
      const line = readJson(bytes, { maxDepth });
      check(line);
      const { idempotencyKey, ...submission } = line as BatchLine;
      const own = idempotencyKey ?? (caller.idempotencyKey === null ? null : `${caller.idempotencyKey}/${number}`);
      result = { job: await door.accept(submission, { ...caller, idempotencyKey: own, bytes: bytes.length }) };
    } catch (error) {
      const problem = toProblem(error);
      status = problem.status;
      logFailure(logger, error, problem, { line: number });
      const retryAfterMs = isMillraceError(error) ? error.detail.retryAfterMs : undefined;
      result = { problem, ...(status === 503 || status === 409 ? { retryAfter: Math.max(1, Math.ceil((retryAfterMs ?? 2000) / 1000)) } : {}) };
    }
    answered('batch', status, clock.monotonic() - startMs);
    return `${JSON.stringify({ line: number, status, ...result })}\n`;
  };
}

/** One object: what is compiled of it is kept by it. */
const lineSchema = { $ref: 'BatchLine#' } as const;

/** As a single post is held to its schema, so is a line. */
function compileCheck(request: FastifyRequest): (line: unknown) => void {
  const validate = request.getValidationFunction(lineSchema) ?? request.compileValidationSchema(lineSchema, 'body');
  return (line) => {
    if (validate(line) === true) return;
    throw Object.assign(new Error('not valid'), { validation: validate.errors ?? [], validationContext: 'body' });
  };
}

/** Where the status API tells of a job: with its place, it need not look for it. */
export function statusPath({ id, at }: Accepted): string {
  return `/v1/jobs/${encodeURIComponent(id)}?after=${at}`;
}

/** A stop does not wait for a sender who may go on for long: what is under way is answered, and the end told. */
async function* untilEnd(maxLines: number, door: Pick<JobDoor, 'closing'>, lines: AsyncGenerator<Line, void, undefined>): AsyncGenerator<Line, void, undefined> {
  for await (const line of lines) {
    if (line.number > maxLines) throw new MillraceError('BROKER_RECORD_TOO_LARGE', { at: `line ${line.number}`, expected: `at most ${maxLines} lines`, got: 'more', fix: 'Send the rest in further batches' });
    if (door.closing) throw new MillraceError('SHUTDOWN', { at: `line ${line.number}`, fix: 'Send this line and those after it again' });
    yield line;
  }
}

/** An end before the last line is told as a line too: its number is 0. */
async function* withEnd(answers: AsyncGenerator<string, void, undefined>): AsyncGenerator<string, void, undefined> {
  try {
    yield* answers;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    const problem = toProblem(error);
    yield `${JSON.stringify({ line: 0, status: problem.status, problem })}\n`;
  }
}
