import type { Database } from '../database/port.ts';

/** Payload: {@link Freed} as JSON, of a lock that was given back while others wait for it. */
export const FREED_CHANNEL = 'millrace_locks';

export interface Freed {
  readonly name: string;
  /** Whose turn it is. */
  readonly waiter: string;
}

/** For so long a lock that is free is kept for whoever waits longest; then anybody may have it. */
export const TURN_MS = 2000;
/** A waiter that has not looked for so long after the holder's lease would have ended keeps nobody out. */
const WAITER_SLACK_MS = 10_000;
const UNUSED_LOCK_DAYS = 1;

export interface LockRequest {
  readonly name: string;
  /** For people: which worker and job. */
  readonly holder: string;
  readonly leaseMs: number;
  /** Who keeps its place in the line; at most 300 characters. */
  readonly waiter: string;
}

/**
 * Tokens come from one sequence, read while the lock's row is locked: they rise for each name, also after unused rows were deleted. Times are the database's.
 * A lock whose lease has run out is free; so is one that was given back, which ends its lease.
 */
const TAKE = `
  with taken as (
    insert into millrace_locks as lock (name, holder, token, expires_at)
    select $1::text, $2::text, nextval('millrace_lock_tokens'), clock_timestamp() + $3::float8 * interval '1 millisecond'
    where not exists (
      select from millrace_lock_waiters as other
      where other.name = $1 and other.waiter <> $4 and other.expires_at > clock_timestamp()
        and other.ticket < coalesce((select ticket from millrace_lock_waiters where name = $1 and waiter = $4), 9223372036854775807)
    ) or exists (select from millrace_locks where name = $1 and expires_at < clock_timestamp() - ${TURN_MS} * interval '1 millisecond')
    on conflict (name) do update set holder = excluded.holder, token = nextval('millrace_lock_tokens'), expires_at = clock_timestamp() + $3::float8 * interval '1 millisecond'
    where lock.expires_at <= clock_timestamp()
    returning token
  ), served as (
    delete from millrace_lock_waiters where name = $1 and waiter = $4 and exists (select from taken)
  )
  select token from taken`;

const LINE_UP = `
  insert into millrace_lock_waiters (name, waiter, ticket, expires_at)
  select $1::text, $2::text, nextval('millrace_lock_tickets'),
    greatest(clock_timestamp(), (select expires_at from millrace_locks where name = $1)) + ${WAITER_SLACK_MS} * interval '1 millisecond'
  on conflict (name, waiter) do update set expires_at = excluded.expires_at
  returning (select extract(epoch from expires_at - clock_timestamp()) * 1000 from millrace_locks where name = $1)::float8 as left_ms`;

/** @returns the token, or how long the holder's lease still runs (below 0: it is free, and another's turn) */
export async function takeLock(database: Database, { name, holder, leaseMs, waiter }: LockRequest): Promise<{ readonly token: number } | { readonly leftMs: number }> {
  const take = async (): Promise<number | undefined> => (await database.query<{ token: number }>(TAKE, [name, holder, leaseMs, waiter])).rows[0]?.token;
  const token = await take();
  if (token !== undefined) return { token };
  const { rows } = await database.query<{ left_ms: number | null }>(LINE_UP, [name, waiter]);
  // It may have been given back before anybody could see us in the line: from here on whoever gives it back does.
  const second = await take();
  return second === undefined ? { leftMs: rows[0]?.left_ms ?? 0 } : { token: second };
}

/** @returns false: it is lost */
export async function renewLock(database: Database, name: string, token: number, leaseMs: number): Promise<boolean> {
  const { affected } = await database.query(
    'update millrace_locks set expires_at = clock_timestamp() + $3::float8 * interval \'1 millisecond\' where name = $1 and token = $2', [name, token, leaseMs],
  );
  return affected === 1;
}

/** Ends the lease, and lets those who wait hear of it. Says nothing of a lock that is another's by now. */
export async function freeLock(database: Database, name: string, token: number): Promise<void> {
  const { affected } = await database.query('update millrace_locks set expires_at = clock_timestamp() where name = $1 and token = $2 and expires_at > clock_timestamp()', [name, token]);
  // A statement of its own, so that it sees whoever lined up before it; who lines up later sees that the lock is free.
  if (affected === 1) {
    await database.query(
      `select pg_notify('${FREED_CHANNEL}', json_build_object('name', name, 'waiter', waiter)::text) from (
        select name, waiter from millrace_lock_waiters where name = $1 and expires_at > clock_timestamp() order by ticket limit 1) as first`,
      [name],
    );
  }
}

/** Forgets waiters that went away, and locks that nobody has used for a day. */
export async function sweepLocks(database: Database): Promise<void> {
  await database.query('delete from millrace_lock_waiters where expires_at < clock_timestamp() - interval \'1 minute\'');
  await database.query(`delete from millrace_locks where expires_at < clock_timestamp() - interval '${UNUSED_LOCK_DAYS} days'`);
}
