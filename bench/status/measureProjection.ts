import { readFile } from 'node:fs/promises';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Database } from '../../shared/database/port.ts';
import { applyChunks, type Chunk } from '../../shared/status/applyChunks.ts';
import { prepareStatusTables } from '../../shared/status/prepareStatusTables.ts';
import { createRecordMaker, type EventWish } from '../../test/database/status/recordsOfJobs.ts';

export interface ProjectionFigures {
  readonly jobs: number;
  readonly events: number;
  readonly seconds: number;
  /** Main records and events together. */
  readonly factsPerSecond: number;
  readonly eventsPerSecond: number;
  /** What this process computed for it (an embedded database included), and a server's backend, in seconds: on a busy machine these tell more than the clock. */
  readonly cpuSeconds: number;
  readonly backendCpuSeconds: number | null;
}

export interface ProjectionLoad {
  readonly jobs: number;
  /** Of each ten jobs so many are told of as started too, and fail once before they succeed. */
  readonly eventful: number;
  readonly chunkRecords: number;
}

/** How fast records become rows: records are made before, what is timed is decoding, folding, and the transactions. */
export async function measureProjection(database: Database, { jobs, eventful, chunkRecords }: ProjectionLoad): Promise<ProjectionFigures> {
  await prepareStatusTables(database);
  const maker = await createRecordMaker();
  const pairs: Chunk[][] = [];
  let mainEnd = -1;
  let eventsEnd = -1;
  let events = 0;
  for (let from = 0, record = 0; from < jobs; from += chunkRecords) {
    const places = Array.from({ length: Math.min(chunkRecords, jobs - from) }, (_, index) => from + index);
    const lines = places.flatMap((offset): EventWish[] => (offset % 10 < eventful
      ? [
          { type: 'started' as const, offset, afterMs: 1 },
          { type: 'waiting' as const, offset, afterMs: 5, detail: { reason: 'retry', dueMs: 1, error: { code: 'TIMEOUT', message: `no answer from host ${offset} in 3 s` } } },
          { type: 'started' as const, offset, attempt: 2, afterMs: 9 },
          { type: 'done' as const, offset, attempt: 2, afterMs: 12 },
        ]
      : [{ type: 'done' as const, offset, afterMs: 3 }]));
    events += lines.length;
    pairs.push([
      { stream: 'main', partition: 0, after: mainEnd, nextOffset: (mainEnd = from + places.length), records: places.map((offset) => maker.main(offset)) },
    ]);
    pairs.push([{ stream: 'events', partition: 0, after: eventsEnd, nextOffset: (eventsEnd = ++record), records: [maker.events(record - 1, lines)] }]);
  }
  const startMs = systemClock.monotonic();
  const [startCpu, startBackend] = [process.cpuUsage(), await backendCpu(database)];
  for (const chunks of pairs) {
    const applied = await applyChunks(database, 'bench', chunks, maker.reader);
    if (applied.type === 'stale') throw new Error('nobody else writes here');
  }
  const seconds = (systemClock.monotonic() - startMs) / 1000;
  const { user, system } = process.cpuUsage(startCpu);
  const endBackend = await backendCpu(database);
  const backendCpuSeconds = startBackend === null || endBackend === null ? null : endBackend - startBackend;
  return { cpuSeconds: (user + system) / 1e6, backendCpuSeconds, jobs, events, seconds, factsPerSecond: Math.round((jobs + events) / seconds), eventsPerSecond: Math.round(events / seconds) };
}

/** Seconds of processor time of the backend that serves this pool; it has one connection only, as it is used one by one. */
async function backendCpu(database: Database): Promise<number | null> {
  const { rows } = await database.query<{ pid: number }>('select pg_backend_pid() as pid');
  const stat = await readFile(`/proc/${rows[0]?.pid ?? 0}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
