import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runSickCommand } from '../../../services/outbox-relay/sickCommand.ts';
import { listSick } from '../../../shared/outbox/sickRows.ts';
import { openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, openOutbox, order, type OutboxStage } from './outboxStage.ts';

let server: TestDatabase;
let stage: OutboxStage;
beforeAll(async () => {
  server = await openTestDatabase('postgres', inject('databaseUrl'));
  stage = await openOutbox(server.database);
});
afterAll(async () => {
  await stage.close();
  await server.close();
});

test('operators list refused rows, try them again by row, queue or all, and drop one', async () => {
  const { database, outbox, cluster, startRelay, until, rowsLeft, landed } = stage;
  const mend = cluster.faults.onProduce(() => ({ type: 'refuse', code: 'BROKER_REFUSED' }));
  await startRelay({ maxTries: 1 });
  const [first, second] = await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, [order('a', 1), order('b', 1)]));
  await until('both to be sick', async () => (await listSick(database)).length === 2);
  const run = (...[command, which]: Parameters<typeof runSickCommand> extends [unknown, ...infer Rest] ? Rest : never) => runSickCommand({ databaseUrl: server.url }, command, which);

  const rows = (await run('sick', undefined)).map((line) => JSON.parse(line) as { seq: number; id: string; errorCode: string });
  expect(rows).toMatchObject([{ id: first, errorCode: 'BROKER_REFUSED' }, { id: second }]);
  expect(await run('sick', 'another')).toEqual([]);
  await expect(run('drop', 'orders')).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  await expect(run('drop', '999999')).rejects.toMatchObject({ code: 'OUTBOX_ROW_UNKNOWN' });
  await expect(run('retry', undefined)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  expect(await run('drop', String(rows[0]?.seq))).toMatchObject([expect.stringContaining(first ?? '?')]);
  mend();
  expect(await run('retry', 'another')).toEqual(['tried again: 0']);
  expect(await run('retry', 'orders')).toEqual(['tried again: 1']);
  await until('the other to be relayed', async () => await rowsLeft() === 0);
  expect(landed().map(({ id }) => id)).toEqual([second]);
});
