import type { Database } from '../database/port.ts';

const BATCH = 2000;
/** Figures by the minute are kept so long. */
const MINUTES_MS = 14 * 86_400_000;

/** What is old enough to go, epoch ms. */
export interface RetireBefore {
  /** Jobs that were done or cancelled before. */
  readonly finishedMs: number;
  /** Dead ones that were buried before: they can be redriven as long as their dead letters are kept. */
  readonly deadMs: number;
}

/** Removes jobs that have been over for long, in small transactions, and old figures. Several may do so at once. @returns how many jobs */
export async function retireJobs(database: Database, before: RetireBefore, nowMs: number): Promise<number> {
  const retired = await retire(database, 'state <> \'dead\'', before.finishedMs) + await retire(database, 'state = \'dead\'', before.deadMs);
  await database.query('delete from status_minutes where minute_ms < $1', [nowMs - MINUTES_MS]);
  // A rebuild may show a job again as long as its dead letter is there: what operators said of it stays as long.
  for (const table of ['operator_discards', 'status_redriven']) await database.query(`delete from ${table} where at_ms < $1`, [before.deadMs]);
  await database.query(
    `delete from operator_tags t where at_ms < $1 and not exists (
       select 1 from status_jobs j where j.queue = t.queue and j.partition = t.partition and j.place = t.place and j.id = t.id)`,
    [before.deadMs],
  );
  return retired;
}

async function retire(database: Database, which: string, beforeMs: number): Promise<number> {
  let retired = 0;
  for (;;) {
    const { affected } = await database.query(
      `with gone as (
         delete from status_jobs where (queue, partition, place) in (
           select queue, partition, place from status_jobs where ${which} and finished_ms is not null and finished_ms < $1 order by finished_ms limit ${BATCH} for update skip locked)
         returning queue, partition, coalesce(kind, '') as kind, state),
       counted as (
         update status_counts c set jobs = c.jobs - g.jobs
         from (select queue, partition, kind, state, count(*) as jobs from gone group by queue, partition, kind, state) as g
         where c.queue = g.queue and c.partition = g.partition and c.kind = g.kind and c.state = g.state)
       select 1 from gone`,
      [beforeMs],
    );
    retired += affected;
    if (affected < BATCH) return retired;
  }
}
