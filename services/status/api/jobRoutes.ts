import type { FastifyInstance } from 'fastify';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { readTime } from '../../../shared/runtime/readTime.ts';
import { readTimeline } from '../../../shared/status/findJob.ts';
import { gatherExplanation } from '../../../shared/status/gatherExplanation.ts';
import type { JobState } from '../../../shared/status/jobState.ts';
import { toTimeline, toView } from '../../../shared/status/jobView.ts';
import { listJobs, type JobFilter } from '../../../shared/status/listJobs.ts';
import type { LookUp } from './lookUp.ts';
import { soundText } from './soundText.ts';
import { idParams, listQuery, readQuery } from './schemas.ts';

export interface JobRouteParts {
  readonly database: Database;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly lookUp: LookUp;
}

interface ListQuery {
  readonly queue?: string;
  readonly kind?: string;
  readonly key?: string;
  readonly id?: string;
  readonly reason?: string;
  readonly state?: readonly JobState[];
  readonly from?: string;
  readonly to?: string;
  readonly errorCode?: string;
  readonly fingerprint?: string;
  readonly errorText?: string;
  readonly tag?: readonly string[];
  readonly payload?: readonly string[];
  readonly [field: `payload.${string}`]: string;
  readonly limit: number;
  readonly cursor?: string;
}

interface OfJob { Params: { readonly id: string }; Querystring: { readonly after?: string } }

/** What may be answered beside the thing asked for. */
export const troubles = { 400: { $ref: 'Problem#' }, 401: { $ref: 'Problem#' }, 404: { $ref: 'Problem#' }, 503: { $ref: 'Problem#' } } as const;
/** The same of commands. */
export const commandTroubles = { ...troubles, 409: { $ref: 'Problem#' }, 410: { $ref: 'Problem#' }, 422: { $ref: 'Problem#' } } as const;

export function addJobRoutes(app: FastifyInstance, { database, admin, clock, lookUp }: JobRouteParts): void {
  const ofJob = { params: idParams, querystring: readQuery } as const;

  app.get<{ Querystring: ListQuery }>('/v1/jobs', { schema: { summary: 'Jobs, the last enqueued first', querystring: listQuery, response: { 200: { $ref: 'JobPage#' }, ...troubles } } }, async ({ query }) => {
    const nowMs = clock.now();
    const { rows, cursor } = await listJobs(database, toFilter(query), { limit: query.limit, cursor: query.cursor ?? null, nowMs });
    return { jobs: rows.map((row) => toView(row, nowMs)), cursor };
  });

  app.get<OfJob>('/v1/jobs/:id', { schema: { summary: 'One job. Never 404 after its 202: waits until the status has caught up', ...ofJob, response: { 200: { $ref: 'Job#' }, ...troubles } } }, async ({ params, query }, reply) => {
    void reply.header('cache-control', 'no-store');
    return toView(await lookUp(params.id, query.after), clock.now());
  });

  app.get<OfJob>('/v1/jobs/:id/timeline', { schema: { summary: 'Its attempts and errors', ...ofJob, response: { 200: { $ref: 'Timeline#' }, ...troubles } } }, async ({ params, query }) => {
    const row = await lookUp(params.id, query.after);
    return { id: row.id, events: toTimeline(row, await readTimeline(database, row)) };
  });

  app.get<OfJob>('/v1/jobs/:id/explain', { schema: { summary: 'Why it is not running', ...ofJob, response: { 200: { $ref: 'Explanation#' }, ...troubles } } }, async ({ params, query }) => (
    gatherExplanation(database, admin, await lookUp(params.id, query.after), clock.now())
  ));
}

const FIELD = 'payload.';
/** Each is asked of every job that the others leave. */
const MOST_FIELDS = 8;

function toFilter({ queue, kind, key, id, reason, state, from, to, errorCode, fingerprint, errorText, tag, payload = [], ...rest }: ListQuery): JobFilter {
  const fields = [
    ...payload.map((one) => ({ path: one.slice(0, one.indexOf('=')), value: one.slice(one.indexOf('=') + 1) })),
    ...Object.entries(rest).flatMap(([name, value]) => (name.startsWith(FIELD) ? [{ path: name.slice(FIELD.length), value: String(value) }] : [])),
  ];
  if (fields.length > MOST_FIELDS) throw new MillraceError('BAD_QUERY', { at: 'payload', expected: `at most ${MOST_FIELDS} fields of the payload`, got: fields.length });
  return {
    ...sound({ queue, kind, key, id, reason, errorCode, fingerprint, errorText }),
    ...(state === undefined ? {} : { states: state }),
    ...(from === undefined ? {} : { fromMs: readTime(from) }),
    ...(to === undefined ? {} : { toMs: readTime(to) }),
    ...(tag === undefined ? {} : { tags: tag.map((one) => soundText('tag', one)) }),
    ...(fields.length === 0 ? {} : { payload: fields.map(({ path, value }) => ({ path: soundText('payload', path), value: soundText('payload', value) })) }),
  };
}

function sound<T extends Readonly<Record<string, string | undefined>>>(given: T): { [N in keyof T]?: string } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined).map(([name, value]) => [name, soundText(name, value ?? '')])) as { [N in keyof T]?: string };
}
