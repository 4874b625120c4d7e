import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../shared/database/migrate.ts';
import type { Database, Session } from '../../../shared/database/port.ts';
import { openPostgres } from '../../../shared/database/postgres/openPostgres.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { Inbox, type Landed } from '../../../shared/inbox/inbox.ts';
import { INBOX, inboxMigrations } from '../../../shared/inbox/inboxMigrations.ts';
import { sweepInbox } from '../../../shared/inbox/sweepInbox.ts';
import type { HeldLock } from '../../../shared/jobs/jobEffects.ts';
import { LOCKS, lockMigrations } from '../../../shared/locks/lockMigrations.ts';
import { takeLock } from '../../../shared/locks/lockTable.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

describe.each(databaseKinds)('the inbox (%s)', (kind) => {
  let test: TestDatabase;
  let db: Database;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    db = test.database;
    await migrate(db, INBOX, inboxMigrations);
    await migrate(db, LOCKS, lockMigrations);
    await db.script('create table effects (job text, by text)');
  });
  afterAll(() => test.close());
  beforeEach(async () => { await db.script('delete from effects; delete from millrace_inbox; delete from millrace_fences'); });

  const landed = async (): Promise<unknown[]> => (await db.query<{ by: string }>('select by from effects order by by')).rows.map(({ by }) => by);
  interface Given { readonly job?: string; readonly epoch?: number; readonly step?: string; readonly locks?: readonly HeldLock[]; readonly refusal?: MillraceError | null }
  const land = <T>(inbox: Inbox, by: string, { job = 'j', epoch = 1, step = '', locks = [], refusal = null }: Given, answer: (tx: Session) => Promise<T> | T): Promise<Landed<T>> => inbox.land({
    owner: { queue: 'q', partition: 0, epoch, jobId: job }, step, locks: () => locks, refusal: () => refusal,
    async work(tx) {
      await tx.query('insert into effects values ($1, $2)', [job, by]);
      return answer(tx);
    },
  });

  it('runs the work of a job once, and gives its result to every later run', async () => {
    const inbox = new Inbox(db);
    expect(await land(inbox, 'first', {}, () => ({ invoice: 7, at: new Date(0) }))).toEqual({ value: { invoice: 7, at: '1970-01-01T00:00:00.000Z' }, suppressed: false });
    const again = await land(new Inbox(db), 'second', { epoch: 2 }, () => ({ invoice: 8, at: new Date(1) }));
    expect(again).toEqual({ value: { invoice: 7, at: '1970-01-01T00:00:00.000Z' }, suppressed: true });
    expect(await landed()).toEqual(['first']);
  });

  it('tells nothing from null, and steps and jobs from one another', async () => {
    const inbox = new Inbox(db);
    const ends = [];
    for (const [job, step, value] of [['a', '', undefined], ['a', 'x', null], ['b', '', 0]] as const) {
      ends.push((await land(inbox, `${job}${step}`, { job, step }, () => value)).value);
      ends.push((await land(inbox, 'again', { job, step }, () => 'other')).value);
    }
    expect(ends).toEqual([undefined, undefined, null, null, 0, 0]);
    expect(await landed()).toEqual(['a', 'ax', 'b']);
  });

  it('keeps nothing of work that fails, and lets the next run have its effect', async () => {
    const inbox = new Inbox(db);
    const failure = new Error('the handler\'s own');
    await expect(land(inbox, 'fails', {}, () => { throw failure; })).rejects.toBe(failure);
    await expect(land(inbox, 'fails', {}, () => 'x'.repeat(4096))).rejects.toMatchObject({ code: 'BAD_RESULT' });
    await expect(land(inbox, 'fails', {}, () => 1n)).rejects.toMatchObject({ code: 'BAD_RESULT' });
    await expect(land(inbox, 'fails', {}, (tx) => tx.query('selekt'))).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    expect((await land(inbox, 'works', {}, () => 1)).suppressed).toBe(false);
    expect(await landed()).toEqual(['works']);
  });

  it('refuses a former owner of the partition from the moment that the new one wants an effect, but not of other partitions', async () => {
    const former = new Inbox(db);
    const owner = new Inbox(db);
    await land(former, 'before', { job: 'a' }, () => 1);
    await land(owner, 'owner', { job: 'b', epoch: 2 }, () => 1);
    await expect(land(former, 'zombie', { job: 'c' }, () => 1)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(land(new Inbox(db), 'zombie', { job: 'd' }, () => 1)).rejects.toMatchObject({ code: 'FENCED' });
    await former.land({ owner: { queue: 'q', partition: 1, epoch: 1, jobId: 'e' }, step: '', locks: () => [], refusal: () => null, work: (tx) => tx.query('insert into effects values ($1, $1)', ['elsewhere']).then(() => 1) });
    expect(await landed()).toEqual(['before', 'elsewhere', 'owner']);
  });

  it('rolls back what this process knows to have no right any more', async () => {
    const inbox = new Inbox(db);
    const refusal = new MillraceError('LEASE_LOST');
    await expect(land(inbox, 'too late', { refusal }, () => 1)).rejects.toBe(refusal);
    expect(await landed()).toEqual([]);
  });

  it('rolls back what was done under a lock that is another\'s now', async () => {
    const inbox = new Inbox(db);
    const take = (waiter: string) => takeLock(db, { name: `billing ${kind}`, holder: waiter, leaseMs: 60_000, waiter });
    const first = await take('first') as { token: number };
    const lock = { name: `billing ${kind}`, token: first.token };
    expect((await land(inbox, 'holder', { job: 'a', locks: [lock] }, () => 1)).suppressed).toBe(false);
    await db.query('update millrace_locks set expires_at = clock_timestamp()');
    // Over, but nobody's yet: it can do no harm.
    await land(inbox, 'late holder', { job: 'b', locks: [lock] }, () => 1);
    const second = await take('second') as { token: number };
    expect(second.token).toBeGreaterThan(first.token);
    await expect(land(inbox, 'stale', { job: 'c', locks: [lock] }, () => 1)).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await landed()).toEqual(['holder', 'late holder']);
  });

  it('forgets what is older than the retention, in batches, and nothing else', async () => {
    const inbox = new Inbox(db);
    await db.query('insert into millrace_inbox select \'q\', n::text, \'\', null, now() - interval \'2 days\' from generate_series(1, 2500) as n');
    await land(inbox, 'new', { job: 'young' }, () => 1);
    expect(await sweepInbox(db, 86_400_000)).toBe(2500);
    expect((await land(inbox, 'again', { job: 'young' }, () => 2)).suppressed).toBe(true);
    expect((await land(inbox, 'again', { job: '17' }, () => 2)).suppressed).toBe(false);
  });
});

describe('the inbox on a server, with two runs of a job at once', () => {
  let test: TestDatabase;
  let db: Database;
  beforeAll(async () => {
    test = await openTestDatabase('postgres', inject('databaseUrl'));
    db = test.database;
    await migrate(db, INBOX, inboxMigrations);
    await db.script('create table effects (job text, by text)');
  });
  afterAll(() => test.close());

  const begin = (inbox: Inbox, by: string, epoch: number) => {
    const [inWork, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const end = inbox.land({
      owner: { queue: 'q', partition: 0, epoch, jobId: 'j' }, step: '', locks: () => [], refusal: () => null,
      async work(tx) {
        await tx.query('insert into effects values ($1, $2)', ['j', by]);
        inWork.resolve();
        await goOn.promise;
        return by;
      },
    });
    end.catch(() => undefined);
    return { inWork: inWork.promise, goOn: goOn.resolve, end };
  };
  const landed = async () => (await db.query<{ by: string }>('delete from effects returning by')).rows.map(({ by }) => by);

  it('lets one land, whichever is first, and rolls the other back', async () => {
    const one = begin(new Inbox(db), 'one', 1);
    const other = begin(new Inbox(db), 'other', 1);
    await Promise.all([one.inWork, other.inWork]);
    other.goOn();
    expect(await other.end).toEqual({ value: 'other', suppressed: false });
    one.goOn();
    expect(await one.end).toEqual({ value: 'other', suppressed: true });
    expect(await landed()).toEqual(['other']);
  });

  it('refuses a former owner that was in the middle of its work when the new one came', async () => {
    await db.script('delete from millrace_inbox');
    const zombie = begin(new Inbox(db), 'zombie', 1);
    await zombie.inWork;
    const owner = begin(new Inbox(db), 'owner', 2);
    await owner.inWork;
    zombie.goOn();
    await expect(zombie.end).rejects.toMatchObject({ code: 'FENCED' });
    owner.goOn();
    expect(await owner.end).toEqual({ value: 'owner', suppressed: false });
    expect(await landed()).toEqual(['owner']);
  });

  it('says that the database is away only when it is', async () => {
    const away = openPostgres({ url: 'postgres://nobody@127.0.0.1:9/nothing', connectTimeoutMs: 1000 });
    await expect(begin(new Inbox(away), 'away', 3).end).rejects.toMatchObject({ code: 'EFFECTS_UNAVAILABLE' });
    await away.close();
    const hasty = openPostgres({ url: test.url ?? '', statementTimeoutMs: 200 });
    const slow = new Inbox(hasty).land({ owner: { queue: 'q', partition: 0, epoch: 3, jobId: 'slow' }, step: '', locks: () => [], refusal: () => null, work: (tx) => tx.query('select pg_sleep(60)') });
    await expect(slow).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await hasty.close();
  });
});
