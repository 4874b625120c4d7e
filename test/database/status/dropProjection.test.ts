import { expect, inject, onTestFinished, test } from 'vitest';
import { dropProjection } from '../../../shared/status/dropProjection.ts';
import { databaseKinds, openTestDatabase } from '../../postgres/createDatabase.ts';

test.each(databaseKinds)('a projection that is thrown away before there was one is begun all the same, by several at once too (%s)', async (kind) => {
  const { database, close } = await openTestDatabase(kind, inject('databaseUrl'));
  onTestFinished(close);
  await Promise.all([dropProjection(database), dropProjection(database)]);
  expect((await database.query('select * from status_positions')).rows).toEqual([]);
});
