import type { FastifyInstance } from 'fastify';
import type { Database } from '../../../shared/database/port.ts';
import type { Admin, GroupMember } from '../../../shared/kafka/port.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { toTime } from '../../../shared/status/jobView.ts';
import { readAllPositions } from '../../../shared/status/positions.ts';
import { knownQueues, readMinutes, readQueueFigures, type QueueFigures } from '../../../shared/status/queueFigures.ts';
import { streams } from '../../../shared/status/readFacts.ts';
import { troubles } from './jobRoutes.ts';
import { queueParams } from './schemas.ts';

export interface QueueRouteParts {
  readonly database: Database;
  readonly admin: Admin;
  readonly clock: Clock;
  /** @throws MillraceError QUEUE_UNKNOWN */
  readonly mustKnow: (queue: string) => Promise<void>;
}

const DAY_MS = 86_400_000;

export function addQueueRoutes(app: FastifyInstance, { database, admin, clock, mustKnow }: QueueRouteParts): void {
  const describe = async (queue: string) => {
    const { oldestQueuedMs, oldestWaitingMs, workers, ...figures } = await readQueueFigures(database, queue, clock.now());
    const [lag, statusLag, members] = await Promise.all([readLag(admin, queue).catch(() => null), readStatusLag(database, admin, queue).catch(() => null), admin.groupMembers(`millrace.${queue}`).catch(() => null)]);
    return {
      ...figures, lag, statusLag, oldestQueuedAt: toTime(oldestQueuedMs), oldestWaitingAt: toTime(oldestWaitingMs),
      workers: listWorkers(members, workers),
    };
  };

  app.get('/v1/queues', { schema: { summary: 'All queues with their figures', response: { 200: { type: 'object', properties: { queues: { type: 'array', items: { $ref: 'Queue#' } } } }, ...troubles } } }, async () => (
    { queues: await Promise.all((await knownQueues(database)).map(describe)) }
  ));

  app.get<{ Params: { readonly queue: string } }>('/v1/queues/:queue', { schema: { summary: 'The figures of one queue', params: queueParams, response: { 200: { $ref: 'Queue#' }, ...troubles } } }, async ({ params }) => {
    await mustKnow(params.queue);
    return describe(params.queue);
  });

  app.get<{ Params: { readonly queue: string } }>('/v1/queues/:queue/minutes', {
    schema: {
      summary: 'What happened in each minute of the last day',
      params: queueParams,
      response: { 200: { type: 'object', properties: { minutes: { type: 'array', items: { type: 'object', additionalProperties: true, properties: { at: { type: 'string', format: 'date-time' } } } } } }, ...troubles },
    },
  }, async ({ params }) => {
    await mustKnow(params.queue);
    return { minutes: (await readMinutes(database, params.queue, clock.now() - DAY_MS)).map(({ minuteMs, ...counts }) => ({ at: toTime(minuteMs), ...counts })) };
  });
}

/** Who is in the queue's group, as Kafka says: one that has had nothing to tell counts, one that ended does not. Where Kafka does not answer, who told something. */
function listWorkers(members: readonly GroupMember[] | null, heard: QueueFigures['workers']): { readonly worker: string; readonly partitions: number; readonly seenAt: string | null }[] {
  if (members === null) return heard.map(({ worker, partitions, seenMs }) => ({ worker, partitions, seenAt: toTime(seenMs) }));
  const seen = new Map(heard.map(({ worker, seenMs }) => [worker, seenMs]));
  return members.map(({ clientId, partitions }) => ({ worker: clientId, partitions: partitions.length, seenAt: toTime(seen.get(clientId) ?? null) })).toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
}

/** Records of the main topic above what the workers' group has committed. */
async function readLag(admin: Admin, queue: string): Promise<number> {
  const [bounds, committed] = await Promise.all([admin.logBounds(queue), admin.committed(`millrace.${queue}`, queue)]);
  return bounds.reduce((sum, { partition, startOffset, endOffset }) => {
    const at = committed.find((one) => one.partition === partition)?.position?.offset ?? startOffset;
    return sum + Math.max(0, endOffset - Math.max(at, startOffset));
  }, 0);
}

async function readStatusLag(database: Database, admin: Admin, queue: string): Promise<number> {
  const names = queueTopicNames(queue);
  const [positions, ...bounds] = await Promise.all([readAllPositions(database, queue), ...streams.map((stream) => admin.logBounds(names[stream]))]);
  let lag = 0;
  for (const [index, stream] of streams.entries()) {
    for (const { partition, startOffset, endOffset } of bounds[index] ?? []) {
      const at = positions.find((one) => one.stream === stream && one.partition === partition)?.nextOffset ?? -1;
      lag += Math.max(0, endOffset - Math.max(at, startOffset));
    }
  }
  return lag;
}
