import { expect, inject, onTestFinished, test } from 'vitest';
import { dropProjection } from '../../../shared/status/dropProjection.ts';
import { databaseKinds, openTestDatabase } from '../../postgres/createDatabase.ts';

test.each(databaseKinds)('a projection that is thrown away before there was one is begun all the same, by several at once too (%s)', async (kind) => {
  const { database, close } = await openTestDatabase(kind, inject('databaseUrl'));
  onTestFinished(close);
  await Promise.all([dropProjection(database), dropProjection(database)]);
  expect((await database.query('select * from status_positions')).rows).toEqual([]);
});

test('a writer that is in the middle of its transaction does not keep a projection from being thrown away', async () => {
  const { database, close } = await openTestDatabase('postgres', inject('databaseUrl'));
  onTestFinished(close);
  await dropProjection(database);
  const holds = Promise.withResolvers<void>();
  const dropping = Promise.withResolvers<void>();
  const writes = database.transaction(async (tx) => {
    await tx.query("update status_positions set at_ms = 0 where queue = 'q'");
    holds.resolve();
    await dropping.promise;
    await tx.query("update status_jobs set note = null where queue = 'q'");
  });
  await holds.promise;
  const dropped = dropProjection(database);
  // It has the jobs, and waits for the positions.
  const isWaiting = async (): Promise<boolean> => (await database.query("select 1 from pg_locks where not granted and relation = 'status_positions'::regclass")).rows.length > 0;
  while (!await isWaiting());
  dropping.resolve();
  // Whichever of the two the database ends: a writer tries again by itself.
  await Promise.all([dropped, writes.catch((error: unknown) => { expect(error).toMatchObject({ code: 'DATABASE_CONFLICT' }); })]);
  expect((await database.query('select * from status_positions')).rows).toEqual([]);
});

test('who reads while a projection is thrown away finds the old tables or the new ones, at no time none', async () => {
  const { database, close } = await openTestDatabase('postgres', inject('databaseUrl'));
  onTestFinished(close);
  await dropProjection(database);
  let over = false;
  const read = async (): Promise<void> => { while (!over) await database.query('select count(*) from status_jobs, status_positions'); };
  const readers = [read(), read(), read()];
  for (let times = 0; times < 5; times++) await dropProjection(database);
  over = true;
  await Promise.all(readers);
});
