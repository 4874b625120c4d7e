import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Registry } from '../../../shared/avro/registry.ts';
import type { ClaimAccess } from '../../../shared/claims/claimAccess.ts';
import { fetchBuried, type Buried } from '../../../shared/commands/buried.ts';
import { discardBuried, redriveBuried } from '../../../shared/commands/commandBuried.ts';
import { commandJobs } from '../../../shared/commands/commandJobs.ts';
import type { CommandTools } from '../../../shared/commands/commandTools.ts';
import { encodeEdit, type EditSchema } from '../../../shared/commands/encodeEdit.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { stateText, type JobState } from '../../../shared/status/jobState.ts';
import { toView, type JobView, type ViewRow } from '../../../shared/status/jobView.ts';
import type { Burials } from './burials.ts';
import { discardOneBody, redriveOneBody } from './commandSchemas.ts';
import { commandTroubles } from './jobRoutes.ts';
import type { LookUp } from './lookUp.ts';
import { idParams, readQuery } from './schemas.ts';

export interface CommandRouteParts {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly tools: () => Promise<CommandTools>;
  readonly lookUp: LookUp;
  readonly burials: Burials;
  readonly claims: ClaimAccess;
}

interface OfJob<Body = unknown> { Params: { readonly id: string }; Querystring: { readonly after?: string }; Body: Body }

/** Commands at one job. */
export function addCommandRoutes(app: FastifyInstance, { clock, registry, tools, lookUp, burials, claims }: CommandRouteParts): void {
  const ofJob = { params: idParams, querystring: readQuery, response: { 202: { $ref: 'Commanded#' }, ...commandTroubles } } as const;
  const find = async ({ params, query }: Pick<FastifyRequest<OfJob>, 'params' | 'query'>, allowed: readonly JobState[], or: (job: JobView) => boolean = () => false): Promise<ViewRow> => {
    const row = await lookUp(params.id, query.after);
    const job = toView(row, clock.now());
    if (!allowed.includes(job.state) && !or(job)) throw new MillraceError('WRONG_STATE', { at: row.id, expected: allowed.join(', '), got: stateText(job) });
    return row;
  };
  const said = (command: string, { id, queue, partition, place }: ViewRow) => ({ id, command, at: `${queue}/${partition}/${place}` });
  const fetchOne = async (row: ViewRow): Promise<Buried> => {
    const { queue, partition, burial } = await burials.of(row);
    const [buried] = await fetchBuried(await tools(), queue, [{ partition, deadLetterOffset: burial }]);
    if (buried === undefined) throw new MillraceError('DEAD_LETTER_GONE', { at: `${queue}.dlq/${partition}/${burial}` });
    return buried;
  };

  app.post<OfJob>('/v1/jobs/:id/cancel', {
    schema: { summary: 'Cancels it: one that does not run is gone; of one that runs, the handler\'s signal is aborted', ...ofJob },
  }, async (request, reply) => {
    const row = await find(request, ['scheduled', 'queued', 'running', 'waiting']);
    await commandJobs(await tools(), row.queue, 'cancel', [{ id: row.id, partition: row.partition, offset: row.place }]);
    return reply.code(202).send(said('cancel', row));
  });

  app.post<OfJob>('/v1/jobs/:id/run-now', {
    schema: { summary: 'Makes it due now, where it waits for a time; jobs of its entity before it, and pauses, still hold it', ...ofJob },
  }, async (request, reply) => {
    const row = await find(request, ['scheduled', 'queued', 'waiting']);
    await commandJobs(await tools(), row.queue, 'run-now', [{ id: row.id, partition: row.partition, offset: row.place }]);
    return reply.code(202).send(said('run-now', row));
  });

  app.post<OfJob<{ readonly payload?: unknown; readonly schema: EditSchema } | null>>('/v1/jobs/:id/redrive', {
    schema: { summary: 'Runs a dead job again, in its old place, with fresh attempts. A burial is redriven once, whoever asks and however often', body: redriveOneBody, ...ofJob },
  }, async (request, reply) => {
    const row = await find(request, ['dead'], ({ reason }) => reason === 'discarded');
    const buried = await fetchOne(row);
    const { body } = request;
    const value = body?.payload === undefined ? null : await encodeEdit({ registry, clock, claims }, buried, body.payload, body.schema);
    await redriveBuried(await tools(), row.queue, [buried], value === null ? {} : { edit: () => value });
    return reply.code(202).send(said('redrive', row));
  });

  app.post<OfJob<{ readonly reason?: string } | null>>('/v1/jobs/:id/discard', {
    schema: { summary: 'Gives a dead job up: it is cancelled, and where it held its lane, the next one runs', body: discardOneBody, ...ofJob },
  }, async (request, reply) => {
    const row = await find(request, ['dead']);
    const reason = request.body?.reason;
    await discardBuried(await tools(), row.queue, [await fetchOne(row)], reason === undefined ? {} : { reason });
    return reply.code(202).send(said('discard', row));
  });
}
