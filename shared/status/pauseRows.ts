import type { Session } from '../database/port.ts';

/** A scope that stands still in one partition, or no more. */
export interface PauseChange {
  readonly partition: number;
  /** As `formatScope` writes it. */
  readonly scope: string;
  readonly on: boolean;
  readonly sinceMs: number;
}

/** Writes what is paused. What was paused already keeps its time. @param renewed partitions whose retry topic was made anew: nothing of old counts there */
export async function writePauses(tx: Session, queue: string, changes: readonly PauseChange[], renewed: readonly number[]): Promise<void> {
  if (renewed.length > 0) await tx.query('delete from status_pauses where queue = $1 and partition = any($2::integer[])', [queue, renewed]);
  const off = changes.filter(({ on }) => !on);
  const on = changes.filter((one) => one.on);
  if (off.length > 0) {
    await tx.query('delete from status_pauses where queue = $1 and (partition, scope) in (select * from unnest($2::integer[], $3::text[]))', [queue, off.map(({ partition }) => partition), off.map(({ scope }) => scope)]);
  }
  if (on.length > 0) {
    await tx.query(
      `insert into status_pauses (queue, partition, scope, since_ms) select $1, r.partition, r.scope, r."sinceMs"
       from jsonb_to_recordset($2::jsonb) as r(partition integer, scope text, "sinceMs" bigint) order by 2, 3 on conflict do nothing`,
      [queue, JSON.stringify(on)],
    );
  }
}

/** A scope that stands still, where, and since when. */
export interface PauseRow {
  readonly scope: string;
  readonly partitions: readonly number[];
  readonly sinceMs: number;
}

/** What of a queue stands still, by the last word about each scope. */
export async function readPauses(session: Session, queue: string): Promise<PauseRow[]> {
  const { rows } = await session.query<PauseRow>(
    'select scope, jsonb_agg(partition order by partition) as partitions, min(since_ms) as "sinceMs" from status_pauses where queue = $1 group by scope order by scope',
    [queue],
  );
  return rows;
}
