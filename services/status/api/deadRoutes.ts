import type { FastifyInstance } from 'fastify';
import type { PlainDecoder } from '../../../shared/avro/plainDecoder.ts';
import { readSchemaId } from '../../../shared/avro/wireFormat.ts';
import { claimV1, type ClaimV1 } from '../../../schemas/millrace.Claim/payload.generated.ts';
import { fetchBuried } from '../../../shared/commands/buried.ts';
import type { CommandTools } from '../../../shared/commands/commandTools.ts';
import type { DeadSelection } from '../../../shared/commands/deadSelection.ts';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError, isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Failure } from '../../../shared/jobs/failure.ts';
import type { Headers } from '../../../shared/kafka/port.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { readTime } from '../../../shared/runtime/readTime.ts';
import { readTimeline } from '../../../shared/status/findJob.ts';
import { toTime, toTimeline, toView } from '../../../shared/status/jobView.ts';
import { countJobs, listJobs } from '../../../shared/status/listJobs.ts';
import { plainJson } from '../../../shared/status/plainText.ts';
import { filterOf, groupDead, selectDead } from '../../../shared/status/selectDead.ts';
import type { Sending, Sendings } from '../sendings.ts';
import type { Burials } from './burials.ts';
import { deadQuery, discardManyBody, redriveManyBody, sendingParams } from './commandSchemas.ts';
import { commandTroubles, troubles } from './jobRoutes.ts';
import type { LookUp } from './lookUp.ts';
import { soundText } from './soundText.ts';
import { idParams, queueParams, readQuery } from './schemas.ts';

export interface DeadRouteParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly decoder: PlainDecoder;
  readonly tools: () => Promise<CommandTools>;
  readonly lookUp: LookUp;
  readonly sendings: Sendings;
  readonly mustKnow: (queue: string) => Promise<void>;
  readonly burials: Burials;
}

interface SelectionBody {
  readonly ids?: readonly string[];
  readonly kind?: string;
  readonly errorCode?: string;
  readonly fingerprint?: string;
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  readonly from?: string;
  readonly to?: string;
}

interface SendingBody extends SelectionBody {
  readonly all: boolean;
  readonly max: number;
  readonly perSecond?: number;
  readonly dryRun: boolean;
  readonly reason?: string;
}

interface DeadQuery extends Pick<SelectionBody, 'kind' | 'errorCode' | 'fingerprint' | 'from' | 'to'> {
  readonly id?: readonly string[];
  readonly key?: readonly string[];
  readonly tag?: readonly string[];
  readonly limit: number;
  readonly cursor?: string;
}

const COUNTED = 100_000;
const SAMPLE = 10;

/** The dead of a queue: shown, sent back, given up. */
export function addDeadRoutes(app: FastifyInstance, parts: DeadRouteParts): void {
  const { database, clock, decoder, tools, lookUp, sendings, mustKnow, burials } = parts;

  app.get<{ Params: { readonly queue: string }; Querystring: DeadQuery }>('/v1/queues/:queue/dead', {
    schema: { summary: 'The dead jobs of a queue, the last enqueued first', params: queueParams, querystring: deadQuery, response: { 200: { $ref: 'JobPage#' }, ...troubles } },
  }, async ({ params, query }) => {
    await mustKnow(params.queue);
    const { id, key, tag, limit, cursor, ...rest } = query;
    const selection = toSelection({ ...rest, ...(id === undefined ? {} : { ids: id }), ...(key === undefined ? {} : { keys: key }), ...(tag === undefined ? {} : { tags: tag }) });
    const page = await listJobs(database, filterOf(params.queue, selection), { limit, cursor: cursor ?? null, nowMs: clock.now() });
    return { jobs: page.rows.map((row) => toView(row, clock.now())), cursor: page.cursor };
  });

  app.get<{ Params: { readonly id: string }; Querystring: { readonly after?: string } }>('/v1/jobs/:id/dead', {
    schema: { summary: 'A dead job with its payload, headers, errors and timeline', params: idParams, querystring: readQuery, response: { 200: { $ref: 'DeadJob#' }, ...commandTroubles } },
  }, async ({ params, query }) => {
    const found = await lookUp(params.id, query.after);
    if (found.burial === null && found.state !== 'dead') throw new MillraceError('WRONG_STATE', { at: found.id, expected: 'a job that was buried', got: found.state });
    const row = await burials.of(found);
    const [buried] = await fetchBuried(await tools(), row.queue, [{ partition: row.partition, deadLetterOffset: row.burial }]);
    const deadLetter = `${queueTopicNames(row.queue).dlq}/${row.partition}/${row.burial}`;
    if (buried === undefined) throw new MillraceError('DEAD_LETTER_GONE', { at: deadLetter });
    const { job, burial, shown } = buried;
    return {
      job: toView(row, clock.now()), deadLetter, buriedAt: shown.buriedAt.toISOString(), attempts: burial.attempt, reason: burial.reason,
      ...await readPayload(decoder, job.value), valueBytes: job.value?.length ?? 0, headers: readableHeaders(job.headers),
      lastError: readableFailure(burial.failure), firstError: readableFailure(burial.firstFailure), events: toTimeline(row, await readTimeline(database, row)),
    };
  });

  const send = async (queue: string, command: 'redrive' | 'discard', body: SendingBody) => {
    await mustKnow(queue);
    const selection = toSelection(body);
    if (Object.keys(selection).length === 0 && !body.all) throw new MillraceError('BAD_COMMAND', { expected: 'a selection', got: 'none', fix: 'Say {"all": true} to mean all dead jobs of the queue' });
    if (body.dryRun) {
      const [matching, groups, sample] = await Promise.all([
        countJobs(database, filterOf(queue, selection), clock.now(), COUNTED), groupDead(database, queue, selection), listJobs(database, filterOf(queue, selection), { limit: SAMPLE, cursor: null, nowMs: clock.now() }),
      ]);
      return { dryRun: true, matching, selected: Math.min(matching, body.max), groups, sample: sample.rows.map((row) => toView(row, clock.now())) };
    }
    await burials.known(queue);
    const jobs = await selectDead(database, queue, selection, body.max);
    return toSendingView(await sendings.start({
      queue, command, jobs, ...(body.perSecond === undefined ? {} : { perSecond: body.perSecond }), ...(body.reason === undefined ? {} : { reason: body.reason }),
    }));
  };
  for (const [command, summary, body] of [
    ['redrive', 'Runs dead jobs again: the selected ones, each burial once', redriveManyBody], ['discard', 'Gives dead jobs up', discardManyBody],
  ] as const) {
    app.post<{ Params: { readonly queue: string }; Body: SendingBody }>(`/v1/queues/:queue/${command}`, {
      schema: { summary, params: queueParams, body, response: { 200: { $ref: 'Rehearsal#' }, 202: { $ref: 'Sending#' }, ...commandTroubles } },
    }, async ({ params, body: given }, reply) => reply.code(given.dryRun ? 200 : 202).send(await send(params.queue, command, given)));
  }

  app.get<{ Params: { readonly id: string } }>('/v1/sendings/:id', { schema: { summary: 'How far commands about many jobs are', params: sendingParams, response: { 200: { $ref: 'Sending#' }, ...troubles } } }, async ({ params }) => toSendingView(await sendings.find(params.id)));

  app.delete<{ Params: { readonly id: string } }>('/v1/sendings/:id', { schema: { summary: 'Sends no more of them; what was sent stays sent', params: sendingParams, response: { 202: { $ref: 'Sending#' }, ...troubles } } }, async ({ params }, reply) => reply.code(202).send(toSendingView(await sendings.stop(params.id))));
}

function toSendingView({ startedMs, ...sending }: Sending) {
  return { ...sending, startedAt: toTime(startedMs) };
}

function toSelection({ ids, kind, errorCode, fingerprint, keys, tags, from, to }: SelectionBody): DeadSelection {
  for (const [name, given] of Object.entries({ ids, kind, errorCode, fingerprint, keys, tags })) for (const text of given === undefined ? [] : [given].flat()) soundText(name, text);
  return {
    ...(ids === undefined ? {} : { ids }), ...(kind === undefined ? {} : { kind }), ...(errorCode === undefined ? {} : { errorCode }), ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(keys === undefined ? {} : { keys }), ...(tags === undefined ? {} : { tags }), ...(from === undefined ? {} : { from: new Date(readTime(from)) }), ...(to === undefined ? {} : { to: new Date(readTime(to)) }),
  };
}

/** As its writer wrote it. What cannot be read is no failure here: it may be why the job died. */
async function readPayload(decoder: PlainDecoder, value: Buffer | null): Promise<{ schema: string | null; payload: unknown; payloadFlaw: string | null }> {
  try {
    const schemaId = readSchemaId(value);
    if (!decoder.knows(schemaId)) await decoder.load(schemaId);
    const { schemaName, payload } = decoder.decode(value);
    if (schemaName === claimV1.subject) {
      const { object, size } = payload as ClaimV1;
      return { schema: null, payload: null, payloadFlaw: `It lies in the store of large payloads: ${object}, ${size} bytes` };
    }
    return { schema: schemaName, payload: JSON.parse(plainJson(payload)) as unknown, payloadFlaw: null };
  } catch (error) {
    if (!isMillraceError(error) || error.retriable) throw error;
    return { schema: null, payload: null, payloadFlaw: error.message };
  }
}

function readableHeaders(headers: Headers | undefined): Record<string, string> {
  const readable = (value: Buffer | string): string => {
    const text = value.toString();
    return typeof value === 'string' || Buffer.from(text).equals(value) ? text : `base64:${value.toString('base64')}`;
  };
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, (Array.isArray(value) ? value : [value]).map((one) => (one === undefined ? '' : readable(one))).join(', ')]));
}

function readableFailure(failure: Failure | null) {
  return failure === null ? null : { ...failure, at: toTime(failure.at) };
}
