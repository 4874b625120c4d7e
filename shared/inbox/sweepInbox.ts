import type { Database } from '../database/port.ts';

const BATCH = 1000;

/**
 * Deletes what landed longer ago than `retentionMs`, a thousand rows at a time; several may sweep at once. @returns how many rows went.
 * A job that runs again after that has its effect again: the retention must outlast retries, redrives and replays.
 */
export async function sweepInbox(database: Database, retentionMs: number): Promise<number> {
  for (let gone = 0; ;) {
    const { affected } = await database.query(
      `delete from millrace_inbox where (queue, job_id, step) in (
        select queue, job_id, step from millrace_inbox where landed_at < now() - $1::float8 * interval '1 millisecond'
        order by landed_at limit ${BATCH} for update skip locked)`,
      [retentionMs],
    );
    gone += affected;
    if (affected < BATCH) return gone;
  }
}
