import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createCodec } from '../../../shared/avro/codec.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createOutbox } from '../../../shared/outbox/outbox.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { dropSick, listSick, retrySick } from '../../../shared/outbox/sickRows.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, openOutbox, order, shipOrder, type OutboxStage } from './outboxStage.ts';

describe.each(databaseKinds)('the outbox (%s)', (kind) => {
  let test: TestDatabase;
  let stage: OutboxStage;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
  });
  afterAll(() => test.close());
  const open = async (): Promise<OutboxStage> => {
    stage = await openOutbox(test.database);
    await test.database.script('delete from millrace_outbox; delete from millrace_outbox_stuck; delete from millrace_outbox_relay; update millrace_outbox_shard set holder = null, asleep = false');
    return stage;
  };
  afterEach(() => stage.close());

  it('relays what a transaction enqueued, once it is committed, and nothing of one that was rolled back', async () => {
    const { database, outbox, startRelay, landed, until, rowsLeft } = await open();
    await startRelay();
    const own = new Error('the caller changed its mind');
    await expect(database.transaction(async (tx) => { await outbox.enqueue(tx, chargeOrder, order('phantom', 1)); throw own; })).rejects.toBe(own);
    const ids = await database.transaction(async (tx) => [
      await outbox.enqueue(tx, chargeOrder, order('a', 1)),
      await outbox.enqueue(tx, chargeOrder, order('a', 2), { id: 'mine', unique: '3h', delay: '1h' }),
      ...await outbox.enqueueMany(tx, [[chargeOrder, order('b', 1)], [shipOrder, order('b', 2)], [chargeOrder, order('a', 3), { key: 'b' }]]),
    ]);
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    const orders = landed();
    expect(orders.map(({ id, key, payload }) => [id, key, payload.orderId]).sort()).toEqual([[ids[0], 'a', 'a-1'], [ids[1], 'a', 'a-2'], [ids[2], 'b', 'b-1'], [ids[4], 'b', 'a-3']].sort());
    expect(landed('shipping').map(({ id, key, headers }) => [id, key, headers['mr_unique_for'], headers['ce_type']])).toEqual([[ids[3], null, '3600000', 'order.ship']]);
    const mine = orders.find(({ id }) => id === 'mine');
    expect(mine?.headers).toMatchObject({ ce_specversion: '1.0', ce_source: '/millrace/outbox', mr_unique_for: '10800000', 'content-type': 'application/vnd.confluent.avro' });
    expect(Number(mine?.headers['mr_not_before']) - Date.parse(mine?.headers['ce_time'] ?? '')).toBeGreaterThan(3_500_000);
  });

  it('keeps the order of an entity over many batches, and of a list', async () => {
    const { database, outbox, startRelay, lanes, until, rowsLeft } = await open();
    const ids = new Map<string, string[]>();
    for (let round = 0; round < 5; round++) {
      const payloads = Array.from({ length: 200 }, (_, index) => order(`c${index % 7}`, round * 1000 + index));
      const given = await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, payloads));
      for (const [index, { customer }] of payloads.entries()) ids.set(customer, [...ids.get(customer) ?? [], given[index] ?? '']);
    }
    await startRelay({ rowsPerShard: 10 });
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    expect(lanes()).toEqual(ids);
  });

  it('refuses a bad payload in the caller\'s transaction, before anything is written', async () => {
    const { database, outbox, rowsLeft } = await open();
    await database.transaction(async (tx) => {
      await expect(outbox.enqueue(tx, chargeOrder, { ...order('a', 1), sequence: 'one' as never })).rejects.toMatchObject({ code: 'BAD_PAYLOAD' });
      await expect(outbox.enqueueMany(tx, chargeOrder, [order('a', 1), order('', 1)])).rejects.toMatchObject({ code: 'BAD_PAYLOAD', message: expect.stringContaining('[1]') as string });
      await expect(outbox.enqueue(tx, chargeOrder, order('a', 1), { dellay: '1s' } as never)).rejects.toMatchObject({ code: 'BAD_ENQUEUE_OPTION' });
      await expect(outbox.enqueue(tx, chargeOrder, order('a', 1, { note: 'x'.repeat(1_100_000) }))).rejects.toMatchObject({ code: 'BROKER_RECORD_TOO_LARGE' });
      const strange = defineJob({ kind: 'never.prepared', queue: 'orders', schema: jobV1, key: null, order: 'none', handle: () => undefined });
      await expect(outbox.enqueue(tx, strange, order('a', 1))).rejects.toMatchObject({ code: 'UNKNOWN_KIND', message: expect.stringContaining('prepare') as string });
      await expect(outbox.enqueue({ totalCount: 1, connect: () => undefined, query: () => Promise.resolve() } as never, chargeOrder, order('a', 1))).rejects.toMatchObject({ code: 'BAD_ENQUEUE_OPTION' });
    });
    expect(await rowsLeft()).toBe(0);
  });

  it('names each parameter of a statement once, in order, so that a line of code fits it to libraries with other placeholders', async () => {
    const { database, outbox, rowsLeft } = await open();
    const seen: { readonly text: string; readonly params: unknown[] }[] = [];
    await database.transaction(async (tx) => {
      const spy = { query: (text: string, params: (string | Buffer | null)[]) => { seen.push({ text, params }); return tx.query(text, params); } };
      await outbox.enqueue(spy, chargeOrder, order('a', 1));
      await outbox.enqueueMany(spy, chargeOrder, [order('a', 2), order('a', 3)]);
    });
    expect(seen).toHaveLength(2);
    for (const { text, params } of seen) expect(text.match(/\$\d+/g)).toEqual(params.map((_, index) => `$${index + 1}`));
    expect(await rowsLeft()).toBe(3);
  });

  it('takes jobs of other languages by a function of the database, and refuses bytes that are no framed Avro there', async () => {
    const { database, outbox, startRelay, landed, until, rowsLeft } = await open();
    await database.transaction((tx) => outbox.enqueue(tx, chargeOrder, order('a', 1)));
    const value = (await database.query<{ value: Buffer }>('select value from millrace_outbox')).rows[0]?.value ?? Buffer.alloc(0);
    const put = async (queue: string, bytes: Buffer): Promise<string | undefined> =>
      (await database.query<{ id: string }>('select millrace_outbox_enqueue($1, $2, $3, $4) as id', [queue, 'order.charge', 'a', bytes])).rows[0]?.id;
    const id = await put('orders', value);
    await expect(put('orders', Buffer.from('{"json":1}'))).rejects.toMatchObject({ code: 'DATABASE_CONSTRAINT' });
    await expect(put('no such/queue', value)).rejects.toMatchObject({ code: 'DATABASE_CONSTRAINT' });
    await startRelay();
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    const [first, second] = landed();
    expect(second).toMatchObject({ id, key: 'a', partition: first?.partition, payload: first?.payload });
    expect({ ...second?.headers, ce_id: '', ce_time: '' }).toEqual({ ...first?.headers, ce_id: '', ce_time: '' });
    expect(second?.headers['ce_time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('sets a row aside that Kafka refuses: its entity waits, all others go on, and what people decide is done', async () => {
    const { database, cluster, outbox, startRelay, lanes, until, rowsLeft } = await open();
    const stopRefusing = cluster.faults.onProduce(({ records }) => (records.some(({ headers }) => headers?.['ce_id'] === 'sick-1' || headers?.['ce_id'] === 'sick-2') ? { type: 'refuse', code: 'BROKER_REFUSED' } : undefined));
    const refusals: string[] = [];
    await startRelay({ maxTries: 3, observer: { relayed: () => undefined, trouble: () => undefined, refused: ({ id }) => { refusals.push(id); } } });
    const ids: Record<'a' | 'b', string[]> = { a: [], b: [] };
    const write = (from: number, count: number) => database.transaction(async (tx) => {
      for (let index = from; index < from + count; index++) {
        for (const customer of ['a', 'b'] as const) ids[customer].push(await outbox.enqueue(tx, chargeOrder, order(customer, index), customer === 'a' && [3, 5].includes(index) ? { id: `sick-${index === 3 ? 1 : 2}` } : {}));
      }
    });
    await write(1, 10);
    await until('the row to be sick', async () => (await listSick(database)).some(({ state }) => state === 'sick'));
    await write(11, 10);
    await until('the healthy entity to be relayed', () => lanes().get('b')?.length === 20);
    await until('the rows behind to be parked', async () => (await listSick(database))[0]?.behind === 17);
    expect(lanes().get('a')).toEqual(ids.a.slice(0, 2));
    expect(await listSick(database)).toMatchObject([{ id: 'sick-1', queue: 'orders', key: 'a', tries: 3, errorCode: 'BROKER_REFUSED' }]);
    expect(refusals).toEqual(['sick-1', 'sick-1', 'sick-1']);

    const [first] = await listSick(database);
    expect(await dropSick(database, first?.seq ?? 0)).toMatchObject({ id: 'sick-1', behind: 17 });
    await expect(dropSick(database, first?.seq ?? 0)).rejects.toMatchObject({ code: 'OUTBOX_ROW_UNKNOWN' });
    await until('the second sick row to be sick', async () => (await listSick(database)).some(({ id, state }) => id === 'sick-2' && state === 'sick'));
    await write(21, 5);
    stopRefusing();
    expect(await retrySick(database, { queue: 'another' })).toBe(0);
    expect(await retrySick(database)).toBe(1);
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    expect(lanes()).toEqual(new Map([['a', ids.a.filter((id) => id !== 'sick-1')], ['b', ids.b]]));
    expect(await listSick(database)).toEqual([]);
  });

  it('counts no outage against a row, and goes on when Kafka is back', async () => {
    const { database, cluster, outbox, startRelay, lanes, until, rowsLeft } = await open();
    let troubles = 0;
    const wholeCluster = cluster.faults.onProduce(() => ({ type: 'refuse', code: 'BROKER_UNAVAILABLE' }));
    await startRelay({ maxTries: 1, observer: { relayed: () => undefined, refused: () => undefined, trouble: () => { troubles += 1; } } });
    const ids = await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, Array.from({ length: 50 }, (_, index) => order('a', index))));
    await until('some tries to have failed', () => troubles > 3);
    expect((await database.query<{ n: number }>('select count(*) as n from millrace_outbox_stuck')).rows[0]?.n).toBe(0);
    wholeCluster();
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    expect(lanes()).toEqual(new Map([['a', ids]]));
  });

  it('makes a queue\'s missing topics, and holds one that cannot be made against the rows that want it only', async () => {
    const { database, outbox, startRelay, landed, until } = await open();
    let allowed = false;
    await startRelay({ maxTries: 2, prepareQueue: (queue) => (queue === 'orders' || allowed ? Promise.resolve(stage.cluster.inspect.createTopic({ name: queue, partitions: 2 })) : Promise.reject(new Error('not authorized'))) });
    await database.transaction(async (tx) => {
      await outbox.enqueueMany(tx, [[shipOrder, order('a', 1)], [chargeOrder, order('a', 2)], [shipOrder, order('a', 3)]]);
    });
    await until('the other queue\'s row to land and two to be sick', async () => (await listSick(database, { queue: 'shipping' })).filter(({ state }) => state === 'sick').length === 2 && landed().length === 1);
    allowed = true;
    expect(await retrySick(database, { queue: 'shipping' })).toBe(2);
    await until('them to land', () => landed('shipping').length === 2);
  });

  it('sets aside a row that is no job at once', async () => {
    const { database, outbox, startRelay, until, landed } = await open();
    await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, [order('a', 1), order('b', 1)]));
    await database.query('update millrace_outbox set headers = \'{"ce_id": 7}\' where convert_from(key, \'UTF8\') = \'a\'');
    await startRelay();
    await until('it to be sick', async () => (await listSick(database))[0]?.errorCode === 'OUTBOX_ROW_INVALID');
    expect(await listSick(database)).toMatchObject([{ state: 'sick', tries: 1 }]);
    await until('the other to land', () => landed().length === 1);
  });

  it('says where its tables are missing how they are made, instead of the server\'s words for it', async () => {
    const { database } = await open();
    const outbox = createOutbox({ codec: createCodec({ registry: createMemoryRegistry(), clock: systemClock }), schema: 'elsewhere' });
    await outbox.prepare([chargeOrder]);
    const refused = { code: 'OUTBOX_NO_TABLES', message: expect.stringMatching(/schema elsewhere.*relay.*outboxMigrations/) as string };
    await expect(database.transaction((tx) => outbox.enqueue(tx, chargeOrder, order('a', 1)))).rejects.toMatchObject(refused);
    await database.script('create schema elsewhere');
    await expect(database.transaction((tx) => outbox.enqueue(tx, chargeOrder, order('a', 1)))).rejects.toMatchObject(refused);
    await expect(database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, [order('a', 1)]))).rejects.toMatchObject(refused);
  });
});
