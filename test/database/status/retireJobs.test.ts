import { describe, expect, it } from 'vitest';
import { applyChunks } from '../../../shared/status/applyChunks.ts';
import { dropProjection } from '../../../shared/status/dropProjection.ts';
import { readQueueFigures } from '../../../shared/status/queueFigures.ts';
import { retireJobs } from '../../../shared/status/retireJobs.ts';
import { databaseKinds } from '../../postgres/createDatabase.ts';
import { START_MS } from './recordsOfJobs.ts';
import { useStatusTables } from './useStatusTables.ts';

describe.each(databaseKinds)('jobs that are over for long (%s)', (kind) => {
  const given = useStatusTables(kind);

  /** 5,000 jobs: those with a place that three divides are done, and every third of them dead; the rest waits. */
  const fill = async (): Promise<void> => {
    const places = Array.from({ length: 5000 }, (_, index) => index);
    await applyChunks(given.db, 'q', [
      { stream: 'main', partition: 0, after: -1, nextOffset: 5000, records: places.map((offset) => given.maker.main(offset)) },
      { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, places.map((offset) => ({ type: offset % 3 > 0 ? 'waiting' as const : offset % 9 > 0 ? 'done' as const : 'buried' as const, offset })), { startMs: START_MS })] },
    ], given.maker.reader);
  };

  it('go, with their part of the counts, and nobody else does', async () => {
    await fill();
    expect(await retireJobs(given.db, { finishedMs: START_MS, deadMs: START_MS }, START_MS)).toBe(0);
    const [one, other] = await Promise.all([retireJobs(given.db, { finishedMs: START_MS + 1, deadMs: START_MS + 1 }, START_MS), retireJobs(given.db, { finishedMs: START_MS + 1, deadMs: START_MS + 1 }, START_MS)]);
    expect(one + other).toBe(1667);
    expect((await given.db.query('select state, count(*) as jobs from status_jobs group by state')).rows).toEqual([{ state: 'waiting', jobs: 3333 }]);
    expect((await readQueueFigures(given.db, 'q', START_MS)).counts).toEqual({ scheduled: 0, queued: 0, running: 0, waiting: 3333, done: 0, dead: 0, cancelled: 0 });
  });

  it('are not missed by what comes late of them', async () => {
    await fill();
    await retireJobs(given.db, { finishedMs: START_MS + 1, deadMs: START_MS + 1 }, START_MS);
    await applyChunks(given.db, 'q', [{ stream: 'events', partition: 0, after: 1, nextOffset: 2, records: [given.maker.events(1, [{ type: 'redriven', offset: 0 }])] }], given.maker.reader);
    expect((await given.db.query('select id, state, known from status_jobs where place = 0')).rows).toEqual([{ id: 'job-0', state: 'queued', known: false }]);
  });

  it('leave nothing behind when all is thrown away, and whoever writes then is told to begin anew', async () => {
    await fill();
    await dropProjection(given.db);
    expect((await given.db.query('select * from status_jobs')).rows).toEqual([]);
    const next = { stream: 'main', partition: 0, after: 5000, nextOffset: 5001, records: [given.maker.main(5000)] } as const;
    expect(await applyChunks(given.db, 'q', [next], given.maker.reader)).toEqual({ type: 'stale', partitions: [0] });
    expect(await applyChunks(given.db, 'q', [{ ...next, after: -1 }], given.maker.reader)).toMatchObject({ type: 'applied', rows: 1 });
  });
});
