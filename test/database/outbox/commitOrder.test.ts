import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openPostgres } from '../../../shared/database/postgres/openPostgres.ts';
import type { Database } from '../../../shared/database/port.ts';
import { createDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, openOutbox, order, shipOrder, type OutboxStage } from './outboxStage.ts';

/** What a transaction does: jobs for these entities, in this order; a list at once or one after the other; and how it ends. */
interface Script {
  readonly entities: readonly number[];
  readonly asList: boolean;
  readonly ends: 'commit' | 'rollback';
}

const ENTITIES = 4;
const script: fc.Arbitrary<Script> = fc.record({
  // Sorted: two transactions that lock in different orders may deadlock, which the docs say.
  entities: fc.array(fc.nat(ENTITIES - 1), { minLength: 1, maxLength: 4 }).map((list) => list.toSorted((a, b) => a - b)),
  asList: fc.boolean(),
  ends: fc.constantFrom('commit', 'commit', 'commit', 'rollback'),
});

describe('the order of commits', () => {
  let server: Awaited<ReturnType<typeof createDatabase>>;
  let database: Database;
  let stage: OutboxStage;
  beforeAll(async () => {
    server = await createDatabase(inject('databaseUrl'));
    database = openPostgres({ url: server.url, maxConnections: 20 });
    stage = await openOutbox(database);
    await database.script('create table commits (entity text primary key, n integer not null default 0)');
    await stage.startRelay({ rowsPerShard: 2, pollMs: 50 });
    await stage.startRelay({ rowsPerShard: 3, pollMs: 50 });
  });
  afterAll(async () => {
    await stage.close();
    await database.close();
    await server.drop();
  });

  /** Names that fall into one shard: so that a late commit has a smaller number than what was relayed from there before. */
  const namesOfOneShard = async (prefix: string): Promise<string[]> => {
    const { rows } = await database.query<{ name: string }>(
      'select name from (select $1 || n as name from generate_series(1, 400) as n) s where millrace_outbox_lane(\'orders\', \'\', convert_to(name, \'UTF8\')) & 15 = 3 order by length(name), name limit $2',
      [prefix, ENTITIES],
    );
    // In the order of their bytes, in which locks are to be taken.
    return rows.map(({ name }) => name).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  };

  /** Plays the scripts on a connection each; `turns` says whose next step comes. @returns ids by entity, with their place among its commits; and the phantoms */
  const play = async (names: readonly string[], scripts: readonly Script[], turns: readonly number[]) => {
    const committed = new Map<string, { readonly n: number; readonly ids: string[] }[]>();
    const phantoms: string[] = [];
    const gates = scripts.map((): { open: () => void } => ({ open: () => undefined }));
    const undone = new Error('rolled back');
    let free = false;
    const playOne = async ({ entities, asList, ends }: Script, index: number): Promise<void> => {
      const step = (): Promise<void> => (free ? Promise.resolve() : new Promise((resolve) => { gates[index] = { open: resolve }; }));
      const mine = entities.map((entity) => names[entity] ?? '');
      const written: string[] = [];
      const places = new Map<string, number>();
      try {
        await step();
        await database.transaction(async (tx) => {
          await tx.query('select 1');
          await step();
          if (asList) written.push(...await stage.outbox.enqueueMany(tx, chargeOrder, mine.map((name, place) => order(name, place))));
          else for (const [place, name] of mine.entries()) {
            written.push(await stage.outbox.enqueue(tx, chargeOrder, order(name, place)));
            await step();
          }
          await step();
          // A row of the test's own says which transaction came first, whatever locks the outbox takes.
          for (const name of new Set(mine)) {
            const { rows } = await tx.query<{ n: number }>('insert into commits (entity, n) values ($1, 1) on conflict (entity) do update set n = commits.n + 1 returning n', [name]);
            places.set(name, rows[0]?.n ?? 0);
          }
          if (ends === 'rollback') throw undone;
        });
        for (const [name, n] of places) committed.set(name, [...committed.get(name) ?? [], { n, ids: written.filter((_, place) => mine[place] === name) }]);
      } catch (error) {
        if (error !== undone) throw error;
        phantoms.push(...written);
      }
    };
    const playing = Promise.all(scripts.map(playOne));
    for (const turn of turns) {
      gates[turn % gates.length]?.open();
      await new Promise((resolve) => { setTimeout(resolve, turn % 3); });
    }
    free = true;
    for (const gate of gates) gate.open();
    await playing;
    const lanes = new Map([...committed].map(([name, of]) => [name, of.toSorted((a, b) => a.n - b.n).flatMap(({ ids }) => ids)]));
    return { lanes, phantoms };
  };

  it('is the order in which an entity\'s jobs are relayed, however transactions interleave; none is lost, and none of a rollback comes', async () => {
    let run = 0;
    await fc.assert(fc.asyncProperty(fc.array(script, { minLength: 2, maxLength: 7 }), fc.array(fc.nat(1000), { maxLength: 40 }), async (scripts, turns) => {
      const names = await namesOfOneShard(`run${run++}-`);
      const { lanes, phantoms } = await play(names, scripts, turns);
      await stage.until('all rows to be relayed', async () => await stage.rowsLeft() === 0);
      const relayed = stage.lanes();
      expect(new Map(names.flatMap((name) => (relayed.has(name) ? [[name, relayed.get(name)] as const] : [])))).toEqual(lanes);
      const landed = new Set(stage.landed().map(({ id }) => id));
      expect(phantoms.filter((id) => landed.has(id))).toEqual([]);
    }), { numRuns: 40, endOnFailure: true });
  });

  it('does not skip a job whose transaction commits after later ones were relayed', async () => {
    const [slow = '', quick = ''] = await namesOfOneShard('late-');
    const begun = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    const late = database.transaction(async (tx) => {
      const id = await stage.outbox.enqueue(tx, chargeOrder, order(slow, 1));
      begun.resolve();
      await mayCommit.promise;
      return id;
    });
    await begun.promise;
    const early = await database.transaction((tx) => stage.outbox.enqueue(tx, chargeOrder, order(quick, 1)));
    await stage.until('the later one to be relayed', () => stage.landed().some(({ id }) => id === early));
    mayCommit.resolve();
    const id = await late;
    await stage.until('the late one to be relayed', () => stage.landed().some((one) => one.id === id));
  });

  it('keeps no transactions apart that write for different entities, or for none', async () => {
    const done = Promise.withResolvers<void>();
    const holding = Promise.withResolvers<void>();
    const held = database.transaction(async (tx) => {
      await stage.outbox.enqueue(tx, chargeOrder, order('held', 1));
      await stage.outbox.enqueue(tx, shipOrder, order('held', 1));
      holding.resolve();
      await done.promise;
    });
    await holding.promise;
    await database.transaction((tx) => stage.outbox.enqueueMany(tx, [[chargeOrder, order('other', 1)], [shipOrder, order('held', 2)]]));
    const behind = database.transaction(async (tx) => {
      await tx.query('set local lock_timeout = 100');
      await stage.outbox.enqueue(tx, chargeOrder, order('held', 2));
    });
    await expect(behind).rejects.toMatchObject({ code: 'DATABASE_CONFLICT' });
    done.resolve();
    await held;
  });
});
