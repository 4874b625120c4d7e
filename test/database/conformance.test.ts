import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sqlStateOf } from '../../shared/database/databaseError.ts';
import { forgetMigrations, migrate } from '../../shared/database/migrate.ts';
import type { Database } from '../../shared/database/port.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../postgres/createDatabase.ts';

describe.each(databaseKinds)('a database (%s)', (kind) => {
  let test: TestDatabase;
  let db: Database;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    db = test.database;
  });
  afterAll(() => test.close());

  it('gives back values as the port says, whatever the driver makes of them', async () => {
    const { rows } = await db.query(
      `select $1::bigint as int8, $2::text as text, $3::bytea as bytes, $4::jsonb as json, $5::boolean as bool, null::text as nothing,
        $6::bigint[] as int8s, $7::text[] as texts, $8::float8 as float8, '2026-01-02T03:04:05.678Z'::timestamptz as at, count(*) as counted, $9::numeric as num, $10::integer as int4`,
      [2 ** 53 - 1, 'ä\n"{},\\', Buffer.from([0, 255, 10]), '{"a":[1,null]}', true, [1, null, -(2 ** 40)], ['a,b', '', null, 'NULL', '"{}\\'], 1.5, '12345678901234567890.5', 7],
    );
    expect(rows).toEqual([{
      int8: 2 ** 53 - 1, text: 'ä\n"{},\\', bytes: Buffer.from([0, 255, 10]), json: { a: [1, null] }, bool: true, nothing: null, int8s: [1, null, -(2 ** 40)],
      texts: ['a,b', '', null, 'NULL', '"{}\\'], float8: 1.5, at: new Date('2026-01-02T03:04:05.678Z'), counted: 1, num: '12345678901234567890.5', int4: 7,
    }]);
    expect(Buffer.isBuffer((rows[0] as { bytes: unknown }).bytes)).toBe(true);
  });

  it('takes arrays as columns of rows, with nulls and bytes among them', async () => {
    const { rows } = await db.query(
      'select * from unnest($1::bigint[], $2::text[], $3::bytea[], $4::boolean[], $5::jsonb[]) with ordinality as t(a, b, c, d, e, n) order by n',
      [[1, 2 ** 45], ['x', null], [Buffer.from([1, 0]), null], [true, null], ['{"k":"v\\"}"}', null]],
    );
    expect(rows).toEqual([
      { a: 1, b: 'x', c: Buffer.from([1, 0]), d: true, e: { k: 'v"}' }, n: 1 },
      { a: 2 ** 45, b: null, c: null, d: null, e: null, n: 2 },
    ]);
  });

  it('counts the rows that a statement touched', async () => {
    await db.script('create table counted (n integer); insert into counted values (1), (2), (3)');
    expect((await db.query('update counted set n = n + 1 where n > $1', [1])).affected).toBe(2);
    expect((await db.query('update counted set n = 0 where n > 100')).affected).toBe(0);
    expect((await db.query('delete from counted returning n')).affected).toBe(3);
    expect((await db.query('select 1 union select 2')).affected).toBe(2);
  });

  it('keeps a transaction whole: its rows when it resolves, nothing of it when it rejects', async () => {
    await db.script('create table whole (n integer primary key)');
    expect(await db.transaction(async (tx) => { await tx.query('insert into whole values (1)'); return 'answer'; })).toBe('answer');
    const own = new Error('the work\'s own');
    await expect(db.transaction(async (tx) => { await tx.query('insert into whole values (2)'); throw own; })).rejects.toBe(own);
    expect((await db.query('select n from whole')).rows).toEqual([{ n: 1 }]);
  });

  it('does not take a transaction for committed in which a statement failed unheard', async () => {
    await db.script('create table unheard (n integer primary key); insert into unheard values (1)');
    const work = db.transaction(async (tx) => {
      await tx.query('insert into unheard values (2)');
      await tx.query('insert into unheard values (1)').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    expect((await db.query('select n from unheard')).rows).toEqual([{ n: 1 }]);
    await db.transaction(async (tx) => {
      await tx.script('savepoint before');
      await tx.query('insert into unheard values (1)').catch(() => undefined);
      await tx.script('rollback to savepoint before');
      await tx.query('insert into unheard values (3)');
    });
    expect((await db.query('select n from unheard order by n')).rows).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it('says failures in codes, and keeps the server\'s own beside', async () => {
    await db.script('create table coded (n integer primary key); insert into coded values (1)');
    const doubled = await db.query('insert into coded values (1)').catch((error: unknown) => error);
    expect(doubled).toMatchObject({ code: 'DATABASE_CONSTRAINT', retriable: false });
    expect(sqlStateOf(doubled)).toBe('23505');
    const senseless = await db.query('selekt 1').catch((error: unknown) => error);
    expect(senseless).toMatchObject({ code: 'DATABASE_REFUSED' });
    expect(sqlStateOf(senseless)).toBe('42601');
    await expect(db.script('select 1; raise')).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('applies migrations once, all or none, and refuses edited ones', async () => {
    const first = { name: 'a table', sql: 'create table steps (n integer); insert into steps values (1)' };
    const second = { name: 'a column', sql: 'alter table steps add column m integer' };
    expect(await migrate(db, 'steps', [first])).toEqual(['a table']);
    expect(await migrate(db, 'steps', [first, second])).toEqual(['a column']);
    expect(await migrate(db, 'steps', [first, second])).toEqual([]);
    // An older version of the program, beside the newer one.
    expect(await migrate(db, 'steps', [first])).toEqual([]);
    await expect(migrate(db, 'steps', [first, { name: 'other', sql: 'select 2' }])).rejects.toMatchObject({ code: 'DATABASE_DRIFT' });
    const broken = [first, second, { name: 'kept', sql: 'insert into steps values (2)' }, { name: 'broken', sql: 'create nonsense' }];
    await expect(migrate(db, 'steps', broken)).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    expect((await db.query('select n from steps')).rows).toEqual([{ n: 1 }]);
    await db.transaction(async (tx) => { await tx.script('drop table steps'); await forgetMigrations(tx, 'steps'); });
    expect(await migrate(db, 'steps', [first])).toEqual(['a table']);
  });

  it('lets several start at once migrate, and one of them does', async () => {
    const steps = [{ name: 'once', sql: 'create table migrated_at_once (n integer); insert into migrated_at_once values (1)' }];
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(db, 'at-once', steps)));
    expect(applied.flat()).toEqual(['once']);
    expect((await db.query('select n from migrated_at_once')).rows).toEqual([{ n: 1 }]);
  });

  it('tells listeners what was notified on their channel, in order, until they stop', async () => {
    const heard: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const stop = await db.listen('Odd "channel', (payload) => { heard.push(payload); if (payload === 'last') arrived.resolve(); });
    await db.query('select pg_notify($1, $2)', ['Odd "channel', 'first']);
    await db.query('select pg_notify($1, $2)', ['another', 'not for us']);
    await db.query('select pg_notify($1, $2)', ['Odd "channel', 'last']);
    await arrived.promise;
    await stop();
    await stop();
    await db.query('select pg_notify($1, $2)', ['Odd "channel', 'too late']);
    expect(heard).toEqual(['first', 'last']);
  });

  it('hands locks within a transaction to one after the other', async () => {
    await db.script('create table turns (n serial, who text)');
    await Promise.all(['a', 'b', 'c'].map((who) => db.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock(7)');
      await tx.query('insert into turns (who) values ($1)', [who]);
      await tx.query('insert into turns (who) values ($1)', [who]);
    })));
    const { rows } = await db.query<{ who: string }>('select who from turns order by n');
    const order = rows.map(({ who }) => who).join('');
    expect(order).toMatch(/^(aa|bb|cc){3}$/);
  });
});
