import type { Session } from '../database/port.ts';
import type { OutboxRow } from './outboxRow.ts';

/** A row to be relayed, and where it stands. */
export interface WaitingRow extends OutboxRow {
  readonly seq: number;
  readonly shard: number;
  /** A lane is one entity's line, or a row without an entity by itself. */
  readonly lane: string;
  /** Refusals of it so far. */
  readonly tries: number;
  /** Where its lane is stuck, the last `seq` of the lane that may go; null: it is not. */
  readonly goesUpTo: number | null;
}

export interface ReadLimits {
  readonly rowsPerShard: number;
  readonly bytes: number;
}

/**
 * The first rows of each shard that are not parked, in the order of `seq` (of a lane: of commits). They are the beginning of what each shard has, whatever
 * was committed late. At most `bytes` of values and one row more.
 */
export async function readRows(session: Session, shards: readonly number[], limits: ReadLimits): Promise<WaitingRow[]> {
  const { rows } = await session.query<Omit<WaitingRow, 'goesUpTo'> & { goes_up_to: number | null }>(
    `select seq, shard, lane, queue, id, key, value, headers, tries, goes_up_to from (
       select o.seq, o.shard, o.lane::text as lane, o.queue, o.id, o.key, o.value, o.headers::text as headers, o.tries, t.seq as goes_up_to,
         coalesce(sum(octet_length(o.value)) over (order by o.seq rows between unbounded preceding and 1 preceding), 0) as bytes_before
       from unnest($1::smallint[]) as h(shard)
       cross join lateral (select * from millrace_outbox w where w.shard = h.shard and not w.parked order by w.seq limit $2) o
       left join millrace_outbox_stuck t on t.lane = o.lane
     ) r where bytes_before < $3 order by seq`,
    [shards, limits.rowsPerShard, limits.bytes],
  );
  return rows.map(({ goes_up_to, ...row }) => ({ ...row, goesUpTo: goes_up_to }));
}
