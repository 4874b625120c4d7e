import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { shareShards } from '../../../shared/outbox/shareShards.ts';
import type { OutboxRelay } from '../../../shared/outbox/relay.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, openOutbox, order, type OutboxStage } from './outboxStage.ts';

describe.each(databaseKinds)('several relays (%s)', (kind) => {
  let test: TestDatabase;
  let stage: OutboxStage;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    stage = await openOutbox(test.database);
  });
  afterAll(async () => {
    await stage.close();
    await test.close();
  });
  const sizes = (relays: readonly OutboxRelay[]): number[] => relays.map(({ shards }) => shards.length);
  const allOnce = (relays: readonly OutboxRelay[]): boolean => relays.flatMap(({ shards }) => shards).toSorted((a, b) => a - b).join() === Array.from({ length: 16 }, (_, shard) => shard).join();

  it('share the shards evenly, come and go, and keep each entity in order all the while', async () => {
    const { database, outbox, startRelay, lanes, until, rowsLeft } = stage;
    const expected = new Map<string, string[]>();
    let writing = true;
    const writers = Promise.all(['a', 'b', 'c', 'd'].map(async (name) => {
      const mine: string[] = [];
      expected.set(name, mine);
      for (let round = 0; writing; round++) {
        mine.push(...await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, Array.from({ length: 4 }, (_, part) => order(name, round * 10 + part)))));
        await new Promise((resolve) => { setTimeout(resolve, 10); });
      }
    }));
    const first = await startRelay({ leaseMs: 9000, rowsPerShard: 3 });
    expect(sizes([first])).toEqual([16]);
    const second = await startRelay({ leaseMs: 9000, rowsPerShard: 3 });
    await until('two to have eight each', () => sizes([first, second]).join() === '8,8' && allOnce([first, second]));
    const third = await startRelay({ leaseMs: 9000, rowsPerShard: 3 });
    await until('three to have their shares', () => sizes([first, second, third]).join() === '6,5,5' && allOnce([first, second, third]));
    await first.stop();
    await until('two to have eight each again', () => sizes([second, third]).join() === '8,8' && allOnce([second, third]));
    writing = false;
    await writers;
    await until('all rows to be relayed', async () => await rowsLeft() === 0);
    expect(lanes()).toEqual(expected);
    const ids = stage.landed().map(({ id }) => id);
    expect(new Set(ids).size, 'who hands over does so between batches: nothing came twice').toBe(ids.length);
    await Promise.all([second.stop(), third.stop()]);
  });

  it('are woken by what is committed, while they sleep for long', async () => {
    const { database, outbox, startRelay, landed, until } = stage;
    const relay = await startRelay({ pollMs: 60_000 });
    await until('it to sleep', async () => (await database.query<{ n: number }>('select count(*) as n from millrace_outbox_shard where asleep')).rows[0]?.n === 16);
    // Long enough asleep that the next look by itself is seconds away.
    for (const name of ['x', 'y', 'z']) {
      const id = await database.transaction((tx) => outbox.enqueue(tx, chargeOrder, order(name, 1)));
      const sentMs = performance.now();
      await until('it to land', () => landed().some((one) => one.id === id));
      expect(performance.now() - sentMs).toBeLessThan(20_000);
    }
    await relay.stop();
  });

  it('tell how much there is, and how old it is', async () => {
    const { database, outbox, cluster, startRelay, until } = stage;
    const stalled = cluster.faults.onProduce(() => ({ type: 'refuse', code: 'BROKER_UNAVAILABLE' }));
    await database.transaction((tx) => outbox.enqueueMany(tx, chargeOrder, [1, 2, 3].map((part) => order('figures', part))));
    const relay = await startRelay();
    await until('it to have counted', () => relay.figures !== null);
    expect(relay.figures).toMatchObject({ rows: 3, blocked: 0, retrying: 0, sick: 0 });
    expect(relay.figures?.oldestMs).toBeGreaterThan(0);
    await until('it to say that nothing moves', () => relay.stillMs > 200);
    stalled();
    await until('it to move', () => relay.stillMs < 200);
    await relay.stop();
  });
});

describe('the share of a relay', () => {
  const shares = (relays: readonly string[], me: string, held: readonly number[], free: readonly number[]) => shareShards({ relays, me, held, free, shardCount: 16 });
  const all = Array.from({ length: 16 }, (_, shard) => shard);

  it('is all for one, and for several what is left over goes to the oldest', () => {
    expect(shares(['a'], 'a', [], all)).toEqual({ claim: all, release: [] });
    expect(shares(['a', 'b', 'c'], 'a', [], all).claim).toHaveLength(6);
    expect(shares(['a', 'b', 'c'], 'c', [], all).claim).toHaveLength(5);
    expect(Array.from({ length: 20 }, (_, n) => shares(Array.from({ length: 20 }, (__, m) => `r${m}`), `r${n}`, [], all).claim.length).reduce((sum, n) => sum + n)).toBe(16);
  });

  it('is given up down to, not exchanged', () => {
    expect(shares(['a', 'b'], 'a', all, [])).toEqual({ claim: [], release: [8, 9, 10, 11, 12, 13, 14, 15] });
    expect(shares(['a', 'b'], 'b', [15, 3], [1, 2])).toEqual({ claim: [1, 2], release: [] });
  });
});
