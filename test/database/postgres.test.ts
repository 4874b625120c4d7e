import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Database } from '../../shared/database/port.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { openTestDatabase, type TestDatabase } from '../postgres/createDatabase.ts';
import { startPostgres } from '../postgres/startPostgres.ts';

describe('a database on a server', () => {
  let test: TestDatabase;
  let db: Database;
  const url = (): string => test.url ?? '';
  beforeAll(async () => {
    test = await openTestDatabase('postgres', inject('databaseUrl'));
    db = test.database;
  });
  afterAll(() => test.close());

  it('counts a server that is not there as one that may come back', async () => {
    const nowhere = openPostgres({ url: 'postgres://nobody@127.0.0.1:9/nothing', connectTimeoutMs: 2000 });
    await expect(nowhere.query('select 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retriable: true });
    await expect(nowhere.transaction(async () => 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await nowhere.close();
  });

  it('goes on after its connections were cut, and says of what ran that its fate is unknown', async () => {
    const other = openPostgres({ url: url(), applicationName: 'victim' });
    const started = Promise.withResolvers<void>();
    const running = other.transaction(async (tx) => {
      await tx.query('select 1');
      started.resolve();
      await tx.query('select pg_sleep(60)');
    });
    running.catch(() => undefined);
    await started.promise;
    await db.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', ['victim']);
    await expect(running).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect((await other.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await other.close();
  });

  it('gives up a statement at its time limit, and its connection serves on', async () => {
    const hasty = openPostgres({ url: url(), statementTimeoutMs: 100, maxConnections: 1 });
    await expect(hasty.query('select pg_sleep(60)')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect((await hasty.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await hasty.close();
  });

  it('tells two transactions that wait for each other apart: one is to be run again', async () => {
    await db.script('create table rows (n integer primary key, m integer); insert into rows values (1, 0), (2, 0)');
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const run = (mine: 0 | 1) => db.transaction(async (tx) => {
      await tx.query('update rows set m = m + 1 where n = $1', [mine + 1]);
      both[mine].resolve();
      await Promise.all(both.map(({ promise }) => promise));
      await tx.query('update rows set m = m + 1 where n = $1', [2 - mine]);
    });
    const ends = await Promise.allSettled([run(0), run(1)]);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'DATABASE_CONFLICT', retriable: true } });
  });

  it('listens again after its connection was cut, and says that it may have missed something', async () => {
    const gap = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<string>();
    const stop = await db.listen('news', heard.resolve, gap.resolve);
    await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'`);
    await gap.promise;
    await db.query('select pg_notify($1, $2)', ['news', 'after the gap']);
    expect(await heard.promise).toBe('after the gap');
    await stop();
  });

  it('does not wait for ever for a server that stands still', async () => {
    const server = await startPostgres({ durable: false });
    const patient = openPostgres({ url: server.url, statementTimeoutMs: 200, connectTimeoutMs: 500 });
    try {
      await patient.query('select 1');
      // The process that serves the connection, and the one that takes new ones.
      const { rows } = await patient.query<{ pid: number }>('select pg_backend_pid() as pid');
      const backend = rows[0]?.pid ?? 0;
      server.process.signal('SIGSTOP');
      process.kill(backend, 'SIGSTOP');
      await expect(patient.query('select 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      process.kill(backend, 'SIGCONT');
      server.process.signal('SIGCONT');
      expect((await patient.query('select 2 as two')).rows).toEqual([{ two: 2 }]);
    } finally {
      await patient.close();
      await server.stop();
    }
  });
});
