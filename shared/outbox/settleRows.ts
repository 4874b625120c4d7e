import { describeFailure } from '../jobs/describeFailure.ts';
import type { Database, Session } from '../database/port.ts';
import type { WaitingRow } from './readRows.ts';
import type { HeldShard } from './shardLeases.ts';

/** What became of the rows that were read. */
export interface Settlement {
  readonly relayId: string;
  readonly held: readonly HeldShard[];
  /** Kafka has them. */
  readonly acked: readonly WaitingRow[];
  readonly refused: readonly { readonly row: WaitingRow; readonly error: unknown }[];
  /** Rows behind a stuck head, which were not to go. */
  readonly behind: readonly WaitingRow[];
  readonly tries: TryLimits;
}

export interface TryLimits {
  /** Refusals until a row is left to people. */
  readonly maxTries: number;
  /** Before the second try; doubled with each further one. */
  readonly firstRetryMs: number;
}

/** Rows of a lane that are let go in one step after its head went. */
const FREED_AT_ONCE = 5000;
/** Trying these again changes nothing. */
const HOPELESS = new Set(['OUTBOX_ROW_INVALID']);

/**
 * Writes down what became of rows: removes those that Kafka has, parks the others. Only of shards whose lease is this relay's still; a successor relays the
 * others' rows again, under the same ids. @returns how many were removed, and whether each lease was there
 */
export async function settleRows(database: Database, settlement: Settlement): Promise<{ readonly removed: number; readonly held: boolean }> {
  const { acked, refused, behind, held } = settlement;
  const heads = acked.filter(({ seq, goesUpTo }) => seq === goesUpTo);
  if (refused.length === 0 && behind.length === 0 && heads.length === 0) {
    // The usual case: one statement, so that a process that freezes leaves no transaction open.
    const { rows } = await database.query<{ held: number; removed: number }>(
      `with held as materialized (${HELD}), gone as (
         delete from millrace_outbox o where o.seq = any($4::bigint[]) and o.shard in (select shard from held) returning 1
       ) select (select count(*) from held) as held, (select count(*) from gone) as removed`,
      [...leaseParams(settlement), acked.map(({ seq }) => seq)],
    );
    return { removed: rows[0]?.removed ?? 0, held: rows[0]?.held === held.length };
  }
  return database.transaction(async (tx) => {
    const { rows } = await tx.query<{ shard: number }>(HELD, leaseParams(settlement));
    const mine = new Set(rows.map(({ shard }) => shard));
    const isMine = ({ shard }: WaitingRow): boolean => mine.has(shard);
    const { affected } = await tx.query('delete from millrace_outbox where seq = any($1::bigint[])', [acked.filter(isMine).map(({ seq }) => seq)]);
    for (const { row, error } of refused) if (isMine(row)) await setAside(tx, row, error, settlement.tries);
    for (const { lane, seq, shard } of heads) if (mine.has(shard)) await freeLane(tx, shard, lane, seq);
    await parkBehind(tx, behind.filter(isMine));
    return { removed: affected, held: mine.size === held.length };
  });
}

/** Holds the leases against being taken until the statement's transaction is over. */
const HELD = `select s.shard from millrace_outbox_shard s join unnest($1::smallint[], $2::bigint[]) as h(shard, epoch) on s.shard = h.shard and s.epoch = h.epoch where s.holder = $3 for share of s`;

function leaseParams({ held, relayId }: Settlement): [number[], number[], string] {
  return [held.map(({ shard }) => shard), held.map(({ epoch }) => epoch), relayId];
}

async function setAside(tx: Session, { seq, shard, lane, tries }: WaitingRow, error: unknown, { maxTries, firstRetryMs }: TryLimits): Promise<void> {
  const { code, message } = describeFailure(error, 0);
  const made = tries + 1;
  const isSick = made >= maxTries || HOPELESS.has(code);
  await tx.query('update millrace_outbox set parked = true, tries = $2 where seq = $1', [seq, made]);
  await tx.query(
    `insert into millrace_outbox_stuck (lane, shard, seq, state, retry_at, error_code, error_message) values ($1::bigint, $2, $3, $4, now() + $5 * interval '1 ms', $6, $7)
     on conflict (lane) do update set seq = excluded.seq, state = excluded.state, retry_at = excluded.retry_at, error_code = excluded.error_code, error_message = excluded.error_message`,
    [lane, shard, seq, isSick ? 'sick' : 'waiting', isSick ? null : firstRetryMs * 2 ** (made - 1), code, message.replaceAll('\0', '')],
  );
}

/** Parks only what is still behind a stuck head: somebody may just have let the lane go. */
async function parkBehind(tx: Session, rows: readonly WaitingRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `with stuck as materialized (select lane, seq from millrace_outbox_stuck where lane = any($1::bigint[]) order by lane for share)
     update millrace_outbox o set parked = true from stuck t where o.seq = any($2::bigint[]) and o.lane = t.lane and o.seq > t.seq`,
    [[...new Set(rows.map(({ lane }) => lane))], rows.map(({ seq }) => seq)],
  );
}

/**
 * The row up to which a stuck lane might go is gone: lets the next ones go, as many as fit in a step, or the lane as a whole. New rows of the lane stay
 * behind those that are parked.
 */
export async function freeLane(tx: Session, shard: number, lane: string, seq: number): Promise<void> {
  const { rows } = await tx.query('select 1 from millrace_outbox_stuck where lane = $1::bigint and seq = $2 for update', [lane, seq]);
  if (rows.length === 0) return;
  const freed = await tx.query<{ seq: number }>(
    `update millrace_outbox set parked = false where seq in (select seq from millrace_outbox where shard = $1 and lane = $2::bigint and parked order by seq limit $3) returning seq`,
    [shard, lane, FREED_AT_ONCE],
  );
  if (freed.rows.length < FREED_AT_ONCE) {
    await tx.query('delete from millrace_outbox_stuck where lane = $1::bigint', [lane]);
  } else {
    const last = freed.rows.reduce((max, row) => Math.max(max, row.seq), 0);
    await tx.query('update millrace_outbox_stuck set seq = $2, state = \'free\', retry_at = null where lane = $1::bigint', [lane, last]);
  }
}

/** Lets heads be tried again whose time has come. @returns how many */
export async function freeDue(session: Session, shards: readonly number[]): Promise<number> {
  const { affected } = await session.query(
    `with due as (update millrace_outbox_stuck set state = 'free', retry_at = null where shard = any($1::smallint[]) and state = 'waiting' and retry_at <= now() returning seq)
     update millrace_outbox set parked = false where seq in (select seq from due)`,
    [shards],
  );
  return affected;
}
