import { expect, inject, onTestFinished, test } from 'vitest';
import { dropProjection } from '../../../shared/status/dropProjection.ts';
import { databaseKinds, openTestDatabase } from '../../postgres/createDatabase.ts';

test.each(databaseKinds)('a projection that is thrown away before there was one is begun all the same, by several at once too (%s)', async (kind) => {
  const { database, close } = await openTestDatabase(kind, inject('databaseUrl'));
  onTestFinished(close);
  await Promise.all([dropProjection(database), dropProjection(database)]);
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
