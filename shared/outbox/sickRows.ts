import type { Database, Session } from '../database/port.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { freeLane } from './settleRows.ts';

/** A row that Kafka refused, or that is none; its entity's later rows wait for it. */
export interface SickRow {
  /** Names the row among those of the outbox. */
  readonly seq: number;
  /** `waiting`: it is tried again by itself; `sick`: it waits for {@link retrySick} or {@link dropSick}. */
  readonly state: 'waiting' | 'sick';
  readonly queue: string;
  /** The job's id. */
  readonly id: string;
  readonly key: string | null;
  readonly tries: number;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly enqueuedAt: Date;
  readonly since: Date;
  /** Rows of its entity behind it that were met so far. */
  readonly behind: number;
}

export interface SickSelection {
  readonly queue?: string;
  readonly seq?: number;
}

const LONGEST_LIST = 1000;

/** The rows that are refused, oldest first; at most 1,000. */
export async function listSick(session: Session, { queue, seq }: SickSelection = {}): Promise<SickRow[]> {
  const { rows } = await session.query<Omit<SickRow, 'key'> & { key: Buffer | null }>(
    `select o.seq, t.state, o.queue, o.id, o.key, o.tries, t.error_code as "errorCode", t.error_message as "errorMessage", o.enqueued_at as "enqueuedAt", t.since,
       (select count(*) from millrace_outbox b where b.shard = o.shard and b.lane = o.lane and b.parked and b.seq > o.seq) as behind
     from millrace_outbox_stuck t join millrace_outbox o on o.seq = t.seq
     where t.state <> 'free' and ($1::text is null or o.queue = $1) and ($2::bigint is null or o.seq = $2) order by o.seq limit $3`,
    [queue ?? null, seq ?? null, LONGEST_LIST],
  );
  return rows.map((row) => ({ ...row, key: row.key === null ? null : row.key.toString() }));
}

/** Tries refused rows again, as if for the first time; without a selection, all. @returns how many */
export async function retrySick(database: Database, { queue, seq }: SickSelection = {}): Promise<number> {
  const { affected } = await database.query(
    `with freed as (
       update millrace_outbox_stuck t set state = 'free', retry_at = null from millrace_outbox o
       where o.seq = t.seq and t.state <> 'free' and ($1::text is null or o.queue = $1) and ($2::bigint is null or o.seq = $2) returning t.seq
     ) update millrace_outbox set parked = false, tries = 0 where seq in (select seq from freed)`,
    [queue ?? null, seq ?? null],
  );
  return affected;
}

/**
 * Removes a refused row for good: its job never runs, and its entity's next rows go. @returns what it was
 * @throws MillraceError OUTBOX_ROW_UNKNOWN when it is not refused (any more)
 */
export async function dropSick(database: Database, seq: number): Promise<SickRow> {
  return database.transaction(async (tx) => {
    const { rows } = await tx.query<{ lane: string; shard: number }>('select lane::text as lane, shard from millrace_outbox_stuck where seq = $1 and state <> \'free\' for update', [seq]);
    const [row] = await listSick(tx, { seq });
    const [head] = rows;
    if (row === undefined || head === undefined) throw new MillraceError('OUTBOX_ROW_UNKNOWN', { at: `seq ${seq}`, expected: 'a row that is refused', fix: 'See which are: listSick' });
    await tx.query('delete from millrace_outbox where seq = $1', [seq]);
    await freeLane(tx, head.shard, head.lane, seq);
    return row;
  });
}
