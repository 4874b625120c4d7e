import type { Session } from '../database/port.ts';

/** How much lies in some shards. */
export interface OutboxFigures {
  /** Rows that are to be relayed now. */
  readonly rows: number;
  /** Age of the oldest of them, ms; 0: there is none. */
  readonly oldestMs: number;
  /** Rows behind a head that is refused, and those heads. */
  readonly blocked: number;
  /** Heads that are tried again. */
  readonly retrying: number;
  /** Heads that wait for people. */
  readonly sick: number;
}

export async function readFigures(session: Session, shards: readonly number[]): Promise<OutboxFigures> {
  const { rows } = await session.query<OutboxFigures>(
    `select
       (select count(*) from millrace_outbox where shard = any($1::smallint[]) and not parked) as rows,
       (select count(*) from millrace_outbox where shard = any($1::smallint[]) and parked) as blocked,
       (select count(*) from millrace_outbox_stuck where shard = any($1::smallint[]) and state <> 'sick') as retrying,
       (select count(*) from millrace_outbox_stuck where shard = any($1::smallint[]) and state = 'sick') as sick,
       coalesce((select (extract(epoch from clock_timestamp() - min(o.enqueued_at)) * 1000)::float8 from unnest($1::smallint[]) as h(shard)
         cross join lateral (select w.enqueued_at from millrace_outbox w where w.shard = h.shard and not w.parked order by w.seq limit 1) o), 0) as "oldestMs"`,
    [shards],
  );
  return rows[0] ?? { rows: 0, oldestMs: 0, blocked: 0, retrying: 0, sick: 0 };
}
