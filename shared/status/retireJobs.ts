import type { Database } from '../database/port.ts';

const BATCH = 2000;
/** Figures by the minute are kept so long. */
const MINUTES_MS = 14 * 86_400_000;

/** Removes jobs that were over before `finishedBeforeMs`, in small transactions, and old figures. Several may do so at once. @returns how many */
export async function retireJobs(database: Database, finishedBeforeMs: number, nowMs: number): Promise<number> {
  let retired = 0;
  for (;;) {
    const removed = await database.transaction(async (tx) => {
      const { affected } = await tx.query(
        `with gone as (
           delete from status_jobs where (queue, partition, place) in (
             select queue, partition, place from status_jobs where finished_ms < $1 order by finished_ms limit ${BATCH} for update skip locked)
           returning queue, partition, coalesce(kind, '') as kind, state),
         counted as (
           update status_counts c set jobs = c.jobs - g.jobs
           from (select queue, partition, kind, state, count(*) as jobs from gone group by queue, partition, kind, state) as g
           where c.queue = g.queue and c.partition = g.partition and c.kind = g.kind and c.state = g.state)
         select 1 from gone`,
        [finishedBeforeMs],
      );
      return affected;
    });
    retired += removed;
    if (removed < BATCH) break;
  }
  await database.query('delete from status_minutes where minute_ms < $1', [nowMs - MINUTES_MS]);
  return retired;
}
