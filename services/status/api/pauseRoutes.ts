import type { FastifyInstance } from 'fastify';
import type { CommandTools } from '../../../shared/commands/commandTools.ts';
import { commandPause, type PauseScope } from '../../../shared/commands/pauses.ts';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { parseScope } from '../../../shared/jobs/scope.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { toTime } from '../../../shared/status/jobView.ts';
import { readPauses } from '../../../shared/status/pauseRows.ts';
import { createReadBarrier } from '../../../shared/status/readBarrier.ts';
import { pauseBody } from './commandSchemas.ts';
import { commandTroubles, troubles } from './jobRoutes.ts';
import { soundText } from './soundText.ts';
import { queueParams } from './schemas.ts';

export interface PauseRouteParts {
  readonly database: Database;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly tools: () => Promise<CommandTools>;
  readonly waitMs: number;
  readonly mustKnow: (queue: string) => Promise<void>;
}

interface OfQueue { Params: { readonly queue: string } }

/** What of a queue stands still. */
export function addPauseRoutes(app: FastifyInstance, { database, admin, clock, tools, waitMs, mustKnow }: PauseRouteParts): void {
  const answer = { 202: { type: 'object', properties: { queue: { type: 'string' }, command: { type: 'string' } }, description: 'Kafka has the command; owners heed it when they read it, which is soon.' }, ...commandTroubles } as const;
  for (const [command, summary] of [
    ['pause', 'Starts nothing more of the queue, of one of its kinds, or of one of its entities, until a resume of the same scope'],
    ['resume', 'Ends a pause of the same scope; what it held runs at once, in order'],
  ] as const) {
    app.post<OfQueue & { Body: PauseScope | null }>(`/v1/queues/:queue/${command}`, { schema: { summary, params: queueParams, body: pauseBody, response: answer } }, async ({ params, body }, reply) => {
      await mustKnow(params.queue);
      for (const [name, text] of Object.entries(body ?? {})) soundText(name, String(text));
      await commandPause(await tools(), params.queue, command, body ?? {});
      return reply.code(202).send({ queue: params.queue, command });
    });
  }

  app.get<OfQueue>('/v1/queues/:queue/pauses', { schema: { summary: 'What of the queue is paused, all that was said before included', params: queueParams, response: { 200: { $ref: 'Pauses#' }, ...troubles } } }, async ({ params: { queue } }) => {
    await mustKnow(queue);
    const barrier = createReadBarrier({ session: database, admin, clock, queues: [queue], stream: 'retry' });
    if (!await barrier.passed(waitMs)) throw new MillraceError('STATUS_BEHIND', { at: `${queue}.retry`, fix: 'Ask again soon' });
    return {
      pauses: (await readPauses(database, queue)).flatMap(({ scope, partitions, sinceMs }) => {
        const parsed = parseScope(scope);
        if (parsed === null) return [];
        const { type } = parsed;
        const named = type === 'queue' ? {} : type === 'kind' ? { kind: parsed.kind } : scope.startsWith('key-hex:') ? { keyHex: parsed.key.toString('hex') } : { key: parsed.key.toString() };
        return [{ type, ...named, partitions, since: toTime(sinceMs) }];
      }),
    };
  });
}
