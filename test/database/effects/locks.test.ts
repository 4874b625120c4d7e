import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../shared/database/migrate.ts';
import type { Database } from '../../../shared/database/port.ts';
import type { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { LOCKS, lockMigrations } from '../../../shared/locks/lockMigrations.ts';
import { Locks, type Lease } from '../../../shared/locks/locks.ts';
import { freeLock, renewLock, sweepLocks, takeLock } from '../../../shared/locks/lockTable.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

describe.each(databaseKinds)('locks (%s)', (kind) => {
  let test: TestDatabase;
  let db: Database;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    db = test.database;
    await migrate(db, LOCKS, lockMigrations);
  });
  afterAll(() => test.close());
  beforeEach(async () => { await db.script('delete from millrace_locks; delete from millrace_lock_waiters'); });

  const take = (waiter: string, name = 'user 1', leaseMs = 60_000) => takeLock(db, { name, holder: waiter, leaseMs, waiter });
  const tokenOf = async (taking: ReturnType<typeof take>): Promise<number> => {
    const answer = await taking;
    if (!('token' in answer)) throw new Error(`busy for ${answer.leftMs} ms`);
    return answer.token;
  };
  const expire = (name = 'user 1') => db.query('update millrace_locks set expires_at = clock_timestamp() where name = $1', [name]);

  it('have one holder of a name at a time, with tokens that rise, also after the row is gone', async () => {
    const first = await tokenOf(take('a'));
    const busy = await take('b') as { leftMs: number };
    expect(busy.leftMs).toBeGreaterThan(50_000);
    expect(busy.leftMs).toBeLessThanOrEqual(60_000);
    await tokenOf(take('c', 'user 2'));
    await freeLock(db, 'user 1', first);
    const second = await tokenOf(take('b'));
    expect(second).toBeGreaterThan(first);
    await db.query('delete from millrace_locks');
    expect(await tokenOf(take('d'))).toBeGreaterThan(second);
  });

  it('are taken over once the lease is over, and the former holder can neither renew nor free them', async () => {
    const first = await tokenOf(take('a'));
    expect(await renewLock(db, 'user 1', first, 60_000)).toBe(true);
    await expire();
    const second = await tokenOf(take('b'));
    expect(await renewLock(db, 'user 1', first, 60_000)).toBe(false);
    await freeLock(db, 'user 1', first);
    expect(await take('c')).toHaveProperty('leftMs');
    expect(await renewLock(db, 'user 1', second, 60_000)).toBe(true);
  });

  it('go to who waits longest, and to anybody when that one does not come', async () => {
    const first = await tokenOf(take('a'));
    await take('b');
    await take('c');
    await freeLock(db, 'user 1', first);
    expect(await take('newcomer')).toHaveProperty('leftMs');
    expect(await take('c')).toHaveProperty('leftMs');
    const second = await tokenOf(take('b'));
    await freeLock(db, 'user 1', second);
    // c's turn, but it sleeps; its right lasts two seconds.
    expect(await take('newcomer')).toHaveProperty('leftMs');
    await db.query('update millrace_locks set expires_at = clock_timestamp() - interval \'3 seconds\'');
    await tokenOf(take('newcomer'));
    await db.query('update millrace_lock_waiters set expires_at = clock_timestamp() - interval \'2 minutes\'');
    await sweepLocks(db);
    expect((await db.query('select * from millrace_lock_waiters')).rows).toEqual([]);
  });

  describe('held by a process', () => {
    const createLocks = () => new Locks({ database: db, clock: systemClock, random: () => 0.5 });
    const leaseOf = async (taking: ReturnType<Locks['take']>): Promise<Lease> => {
      const answer = await taking;
      if ('busyForMs' in answer) throw new Error('busy');
      return answer;
    };

    it('are renewed while they are held', async () => {
      const locks = createLocks();
      const lease = await leaseOf(locks.take({ name: 'short', holder: 'a', waiter: 'a', leaseMs: 300, lost: () => { throw new Error('lost'); } }));
      // Over and over: each time beyond what the lease was before.
      let last = 0;
      for (let rises = 0; rises < 3;) {
        const { rows } = await db.query<{ at: number }>('select (extract(epoch from expires_at) * 1000)::bigint as at from millrace_locks where name = \'short\'');
        const at = rows[0]?.at ?? 0;
        if (at > last) rises++;
        last = at;
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
      await lease.free();
      expect(await take('b', 'short')).toHaveProperty('token');
      await locks.close();
    });

    it('tell their holder when they are lost', async () => {
      const locks = createLocks();
      const lost = Promise.withResolvers<MillraceError>();
      const lease = await leaseOf(locks.take({ name: 'stolen', holder: 'a', waiter: 'a', leaseMs: 600, lost: lost.resolve }));
      await expire('stolen');
      const second = await tokenOf(take('b', 'stolen'));
      expect(await lost.promise).toMatchObject({ code: 'LOCK_LOST' });
      await lease.free();
      expect(await renewLock(db, 'stolen', second, 60_000)).toBe(true);
      await locks.close();
    });

    it('wake whose turn it is when they are given back elsewhere, and another when that one lets it pass', async () => {
      const [here, elsewhere] = [createLocks(), createLocks()];
      const wish = (waiter: string) => ({ name: 'wanted', holder: waiter, waiter, leaseMs: 60_000, lost: () => undefined });
      const lease = await leaseOf(elsewhere.take(wish('a')));
      const woken: string[] = [];
      const [turn, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const untilMs = systemClock.monotonic() + 60_000;
      for (const waiter of ['b', 'c', 'd']) {
        const busy = await here.take(wish(waiter)) as { busyForMs: number };
        // Though the lease is longer: who takes over from the waiter has heard nothing.
        expect(busy.busyForMs).toBeGreaterThanOrEqual(30_000);
        expect(busy.busyForMs).toBeLessThanOrEqual(30_250);
        // In another order than they came to the line.
        if (waiter === 'b') continue;
        here.whenFree('wanted', { waiter, untilMs, wake: () => { woken.push(waiter); late.resolve(); return waiter === 'd'; } });
      }
      here.whenFree('wanted', { waiter: 'b', untilMs, wake: () => { woken.push('b'); turn.resolve(); return true; } });
      // Listening was begun by the first look, and not awaited; one's own is heard no earlier.
      await db.listen('millrace_locks', () => undefined);
      await lease.free();
      await turn.promise;
      expect(woken).toEqual(['b']);
      await late.promise;
      expect(woken).toEqual(['b', 'c', 'd']);
      await Promise.all([here.close(), elsewhere.close()]);
    });
  });
});
