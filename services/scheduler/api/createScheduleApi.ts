import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { guardByHost, type HostGuard } from '../../../shared/http/guardByHost.ts';
import { guardByToken } from '../../../shared/http/guardByToken.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { readTime } from '../../../shared/runtime/readTime.ts';
import type { KindSchedule, OverlapPolicy, ScheduleTiming } from '../../../shared/schedules/schedule.ts';
import type { Schedules } from '../../../shared/schedules/schedules.ts';
import { backfillBody, nameParams, pauseBody, runBody, scheduleBodySchema, scheduleSchema, timingBody } from './schemas.ts';

export interface ScheduleApiOptions {
  readonly schedules: Schedules;
  readonly logger: Logger;
  /** Null: everybody may. */
  readonly token: string | null;
  /** By which names it may be asked. Default: by any. */
  readonly hostGuard?: HostGuard;
}

interface Named { Params: { readonly name: string } }
type Times = 'startAt' | 'endAt';
type ScheduleBody = Omit<KindSchedule, Times | 'name'> & Partial<Record<Times, string>>;
interface TimingBody extends Omit<ScheduleTiming, Times>, Partial<Record<Times, string>> { readonly count?: number; readonly after?: string }

const troubles = { 400: { $ref: 'Problem#' }, 404: { $ref: 'Problem#' }, 422: { $ref: 'Problem#' }, 503: { $ref: 'Problem#' } } as const;
const nothing = { 204: { type: 'null', description: 'Kafka has it' }, ...troubles } as const;
const DEFAULT_COUNT = 10;

/** The schedules API; `app.listen` or `app.inject` it. Whichever scheduler is asked, all of them answer from the topic. */
export async function createScheduleApi({ schedules, logger, token, hostGuard }: ScheduleApiOptions): Promise<FastifyInstance> {
  const app = await createHttpApp({ logger, title: 'millrace schedules', description: 'Jobs that come by the clock.', version: '1', coerce: false });
  guardByHost(app, hostGuard ?? null, token);
  guardByToken(app, token);
  app.addSchema(scheduleBodySchema);
  app.addSchema(scheduleSchema);

  app.get('/v1/schedules', { schema: { summary: 'All schedules', response: { 200: { type: 'object', properties: { schedules: { type: 'array', items: { $ref: 'Schedule#' } } } }, ...troubles } } }, async () => (
    { schedules: await schedules.list() }
  ));

  app.get<Named>('/v1/schedules/:name', { schema: { summary: 'One schedule', params: nameParams, response: { 200: { $ref: 'Schedule#' }, ...troubles } } }, async ({ params: { name } }) => {
    const found = await schedules.get(name);
    if (found === null) throw new MillraceError('SCHEDULE_UNKNOWN', { at: name });
    return found;
  });

  app.put<Named & { Body: ScheduleBody }>('/v1/schedules/:name', { schema: { summary: 'Writes a schedule down, in place of the one of its name', params: nameParams, body: { $ref: 'ScheduleBody#' }, response: nothing } }, async ({ params: { name }, body }, reply) => {
    await schedules.put({ ...body, ...timesOf(body), name } as KindSchedule);
    return reply.code(204).send();
  });

  app.delete<Named>('/v1/schedules/:name', { schema: { summary: 'Ends a schedule; runs under way go on', params: nameParams, response: nothing } }, async ({ params: { name } }, reply) => {
    if (!await schedules.remove(name)) throw new MillraceError('SCHEDULE_UNKNOWN', { at: name });
    return reply.code(204).send();
  });

  app.post<Named & { Body: { readonly note?: string } | null }>('/v1/schedules/:name/pause', { schema: { summary: 'Lets ticks pass until it is resumed', params: nameParams, body: pauseBody, response: nothing } }, async ({ params: { name }, body }, reply) => {
    await schedules.pause(name, body?.note);
    return reply.code(204).send();
  });

  app.post<Named>('/v1/schedules/:name/resume', { schema: { summary: 'Ends a pause', params: nameParams, response: nothing } }, async ({ params: { name } }, reply) => {
    await schedules.resume(name);
    return reply.code(204).send();
  });

  app.post<Named & { Body: { readonly overlap?: OverlapPolicy } | null }>('/v1/schedules/:name/run', {
    schema: { summary: 'A run out of turn', params: nameParams, body: runBody, response: { 202: { type: 'object', properties: { jobId: { type: 'string' } } }, ...troubles } },
  }, async ({ params: { name }, body }, reply) => reply.code(202).send(await schedules.runNow(name, body ?? {})));

  app.post<Named & { Body: { readonly from: string; readonly to: string; readonly overlap?: OverlapPolicy } }>('/v1/schedules/:name/backfill', {
    schema: { summary: 'Runs past ticks, whether or not they ran', params: nameParams, body: backfillBody, response: { 202: { type: 'object', properties: { ticks: { type: 'integer' } } }, ...troubles } },
  }, async ({ params: { name }, body: { from, to, ...rest } }, reply) => reply.code(202).send(await schedules.backfill(name, { ...rest, from: dateOf(from), to: dateOf(to) })));

  app.post<{ Body: TimingBody }>('/v1/next-ticks', {
    schema: { summary: 'The next ticks of a timing, whether it was put or not', body: timingBody, response: { 200: { type: 'object', properties: { next: { type: 'array', items: { type: 'string', format: 'date-time' } } } }, ...troubles } },
  }, ({ body: { count = DEFAULT_COUNT, after, ...timing } }) => (
    { next: schedules.nextRuns({ ...timing, ...timesOf(timing) } as ScheduleTiming, count, ...(after === undefined ? [] : [dateOf(after)])) }
  ));
  return app;
}

function timesOf({ startAt, endAt }: Partial<Record<Times, string>>): Partial<Record<Times, Date>> {
  return { ...(startAt === undefined ? {} : { startAt: dateOf(startAt) }), ...(endAt === undefined ? {} : { endAt: dateOf(endAt) }) };
}

function dateOf(text: string): Date {
  return new Date(readTime(text));
}
