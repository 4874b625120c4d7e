import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { findJobAt, readTimeline } from '../../../shared/status/findJob.ts';
import { isFinal } from '../../../shared/status/jobState.ts';
import { toTimelineView, toView, type ViewRow } from '../../../shared/status/jobView.ts';
import type { JobGlance, JobWatch } from '../../../shared/status/watchJobs.ts';
import { troubles } from './jobRoutes.ts';
import type { LookUp } from './lookUp.ts';
import { idParams, readQuery } from './schemas.ts';

export interface EventStreamParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly lookUp: LookUp;
  readonly watch: JobWatch;
  /** Most clients at once. */
  readonly maxStreams: number;
  readonly heartbeatMs?: number;
  /** A client that has so much yet to read is dropped; it may come again with Last-Event-ID. */
  readonly maxBufferedBytes?: number;
}

/** `GET /v1/jobs/{id}/events`: server-sent events. @returns how to end all streams for good, for a stop */
export function addEventStream(app: FastifyInstance, parts: EventStreamParts): { endAll(): void; readonly open: number } {
  const { database, clock, lookUp, watch, maxStreams, heartbeatMs = 15_000, maxBufferedBytes = 256 * 1024 } = parts;
  const streams = new Set<() => void>();
  /** Their jobs are being looked up: they count as open. */
  let opening = 0;
  let ended = false;

  app.get<{ Params: { readonly id: string }; Querystring: { readonly after?: string } }>('/v1/jobs/:id/events', {
    schema: {
      summary: 'What happens to it, as server-sent events, until it is over',
      description: 'Events bear the numbers of the timeline; Last-Event-ID goes on after one. The last is `end` with the job. 204: it is over, and nothing new has happened.',
      params: idParams, querystring: readQuery,
      response: { 200: { type: 'string', description: 'text/event-stream' }, 204: { type: 'null', description: 'Over, nothing new' }, ...troubles },
    },
  }, async (request, reply) => {
    if (streams.size + opening >= maxStreams) throw new MillraceError('TOO_MANY_STREAMS', { got: maxStreams, fix: 'Try again later, or ask GET /v1/jobs/{id} now and then' });
    opening += 1;
    const row = await lookUp(request.params.id, request.query.after).finally(() => { opening -= 1; });
    if (ended) throw new MillraceError('SHUTDOWN', { at: 'status', fix: 'Try again' });
    const lastId = Number(request.headers['last-event-id']);
    const heard = Number.isSafeInteger(lastId) && lastId >= 0 ? lastId : -1;
    // A browser comes again after every end, unless it is told 204.
    if (isFinal(toView(row, clock.now()).state) && row.entries <= heard) return reply.code(204).send();
    reply.hijack();
    // Gone while its job was looked up: nothing would tell of its end any more.
    if (reply.raw.destroyed) return;
    follow(row, heard, reply.raw);
  });

  function follow(row: ViewRow, heard: number, raw: ServerResponse): void {
    let last = heard;
    let shown: string | null = null;
    let over = false;
    let cancelHeartbeat = (): void => undefined;
    const close = (): void => {
      if (over) return;
      over = true;
      unwatch();
      cancelHeartbeat();
      streams.delete(close);
      raw.end();
    };
    const send = (text: string): void => {
      if (over) return;
      raw.write(text);
      if (raw.writableLength > maxBufferedBytes) {
        close();
        raw.destroy();
      }
    };
    const heartbeat = (): void => {
      send(': still here\n\n');
      if (!over) cancelHeartbeat = clock.after(heartbeatMs, heartbeat);
    };
    const tell = async (glance: JobGlance): Promise<void> => {
      if (over) return;
      if (glance.entries > last) {
        for (const entry of await readTimeline(database, glance)) {
          if (entry.n <= last) continue;
          last = entry.n;
          // Told below, each time that it changes.
          if (entry.type === 'progress') continue;
          send(`id: ${entry.n}\nevent: ${entry.type}\ndata: ${JSON.stringify(toTimelineView(entry))}\n\n`);
        }
      }
      const { progress, note } = glance;
      const news = progress === null ? null : JSON.stringify({ progress, note });
      if (news !== null && news !== shown) {
        shown = news;
        send(`event: progress\ndata: ${news}\n\n`);
      }
      if (!isFinal(glance.state)) return;
      const now = await findJobAt(database, { queue: glance.queue, partition: glance.partition, offset: glance.place });
      // It may have been redriven between the two looks.
      if (now === null || !isFinal(toView(now, clock.now()).state)) return;
      send(`event: end\ndata: ${JSON.stringify(toView(now, clock.now()))}\n\n`);
      close();
    };
    raw.on('close', close);
    raw.on('error', close);
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'keep-alive', 'x-accel-buffering': 'no' });
    streams.add(close);
    send('retry: 2000\n\n');
    const unwatch = watch.watch(row, tell);
    cancelHeartbeat = clock.after(heartbeatMs, heartbeat);
  }

  return {
    endAll() {
      ended = true;
      for (const close of [...streams]) close();
    },
    get open() { return streams.size; },
  };
}
