import type { Database } from '../database/port.ts';
import { retryConflicts } from '../database/retryConflicts.ts';
import { gatherCalls } from './gatherCalls.ts';

/** An idempotency key, as its tenant gave it. */
export interface KeyName {
  readonly tenant: string;
  readonly key: string;
}

export interface KeyClaim extends KeyName {
  /** Of what was asked for: the same key may not stand for two things. */
  readonly digest: string;
  /** The id that the job shall have; an older row's stands. */
  readonly jobId: string;
  /** The row is kept so long at least, ms from now. */
  readonly keepMs: number;
}

/** Whose a key is now. */
export type Claimed =
  /** Ours: enqueue, under this id, then `finish`, or `giveUp`. `isNew`: nobody has tried before; else an earlier try may be in Kafka. */
  | { readonly type: 'ours'; readonly jobId: string; readonly isNew: boolean }
  | { readonly type: 'done'; readonly answer: string }
  | { readonly type: 'in-flight'; readonly leftMs: number }
  | { readonly type: 'other-request' };

/**
 * The idempotency keys in the database. A row is in flight, under an owner whose lease runs, or done, with its answer. One whose owner's lease ran
 * out goes to whoever asks for it next, under the same job id.
 */
export interface KeyBook {
  /** @throws MillraceError DATABASE_* */
  claim(claim: KeyClaim): Promise<Claimed>;
  finish(name: KeyName, answer: string): Promise<void>;
  /** It failed. `forget`: nothing was enqueued, now or before, so the key is free; else it is in flight with nobody, and the next who asks goes on. */
  giveUp(name: KeyName, forget: boolean): Promise<void>;
  /** Removes rows past their time, some thousands at once. @returns how many */
  sweep(): Promise<number>;
}

export interface KeyBookOptions {
  readonly database: Database;
  /** Unique among processes and their lives. */
  readonly owner: string;
  /** Much longer than an enqueue may take. */
  readonly leaseMs: number;
}

/** The server's clock alone is asked, so that processes need not agree on the time. */
const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
const MAX_BATCH = 500;
const SWEEP_ROWS = 5000;
/** Of a statement that another transaction is in the way of. */
const TRIES = 3;

export function createKeyBook({ database, owner, leaseMs }: KeyBookOptions): KeyBook {
  const claim = gatherCalls<KeyClaim, Claimed>((claims) => retryConflicts(TRIES, () => claimRows(database, claims, owner, leaseMs)), MAX_BATCH);
  const finish = gatherCalls<readonly [KeyName, string], null>((items) => retryConflicts(TRIES, async () => {
    await database.query(
      `update intake_keys k set answer = x.answer from unnest($1::text[], $2::text[], $3::text[]) as x(tenant, key, answer)
       where k.tenant = x.tenant and k.key = x.key and k.answer is null`,
      [items.map(([{ tenant }]) => tenant), items.map(([{ key }]) => key), items.map(([, answer]) => answer)],
    );
    return items.map(() => null);
  }), MAX_BATCH);

  return {
    claim,
    async finish(name, answer) { await finish([name, answer]); },
    async giveUp({ tenant, key }, forget) {
      const where = 'where tenant = $1 and key = $2 and owner = $3 and answer is null';
      await retryConflicts(TRIES, () => database.query(forget ? `delete from intake_keys ${where}` : `update intake_keys set lease_ms = 0 ${where}`, [tenant, key, owner]));
    },
    async sweep() {
      const { affected } = await database.query(
        `delete from intake_keys where (tenant, key) in (select tenant, key from intake_keys where expires_ms < ${NOW} order by expires_ms limit ${SWEEP_ROWS} for update skip locked)`,
      );
      return affected;
    },
  };
}

interface Row {
  readonly tenant: string;
  readonly key: string;
  readonly digest: string;
  readonly job_id: string;
  readonly answer: string | null;
  readonly left_ms: number;
}

interface ClaimedRow extends Pick<Row, 'tenant' | 'key' | 'job_id'> {
  readonly is_new: boolean;
}

const rowName = ({ tenant, key }: KeyName): string => `${tenant}\0${key}`;

/** The callers see to it that no key comes twice in one call: one statement cannot touch a row twice. */
async function claimRows(database: Database, claims: readonly KeyClaim[], owner: string, leaseMs: number): Promise<Claimed[]> {
  // In one order everywhere, or two processes would wait for one another.
  const sorted = claims.toSorted((a, b) => (rowName(a) < rowName(b) ? -1 : 1));
  const list = (pick: (claim: KeyClaim) => string): string[] => sorted.map(pick);
  // A row that was inserted has no `xmax`; one that was there bears the lock of this update. So one past its time counts as an earlier try, which is the safe side.
  const { rows: mine } = await database.query<ClaimedRow>(
    `insert into intake_keys as k (tenant, key, digest, job_id, owner, lease_ms, expires_ms)
     select x.tenant, x.key, x.digest, x.job_id, $6, ${NOW} + $7::bigint, ${NOW} + x.keep_ms
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) with ordinality as x(tenant, key, digest, job_id, keep_ms, place) order by x.place
     on conflict (tenant, key) do update
       set owner = excluded.owner, lease_ms = excluded.lease_ms, digest = excluded.digest, answer = null, job_id = excluded.job_id, expires_ms = greatest(k.expires_ms, excluded.expires_ms)
       where k.expires_ms < ${NOW} or (k.answer is null and k.digest = excluded.digest and k.lease_ms < ${NOW})
     returning k.tenant, k.key, k.job_id, (k.xmax = 0) as is_new`,
    [list(({ tenant }) => tenant), list(({ key }) => key), list(({ digest }) => digest), list(({ jobId }) => jobId), sorted.map(({ keepMs }) => keepMs), owner, leaseMs],
  );
  const ours = new Map(mine.map((row) => [rowName(row), row]));
  const left = sorted.filter((claim) => !ours.has(rowName(claim)));
  const { rows: theirs } = left.length === 0 ? { rows: [] } : await database.query<Row>(
    `select k.tenant, k.key, k.digest, k.job_id, k.answer, k.lease_ms - ${NOW} as left_ms
     from intake_keys k join unnest($1::text[], $2::text[]) as x(tenant, key) on k.tenant = x.tenant and k.key = x.key`,
    [left.map(({ tenant }) => tenant), left.map(({ key }) => key)],
  );
  const others = new Map(theirs.map((row) => [rowName(row), row]));
  return claims.map((claim): Claimed => {
    const own = ours.get(rowName(claim));
    if (own !== undefined) return { type: 'ours', jobId: own.job_id, isNew: own.is_new };
    const row = others.get(rowName(claim));
    // Between the two statements its owner gave it up: free in a moment.
    if (row === undefined) return { type: 'in-flight', leftMs: 0 };
    if (row.digest !== claim.digest) return { type: 'other-request' };
    return row.answer === null ? { type: 'in-flight', leftMs: Math.max(0, row.left_ms) } : { type: 'done', answer: row.answer };
  });
}
