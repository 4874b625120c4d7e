import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Database, Session } from '../../../shared/database/port.ts';
import { openPostgres } from '../../../shared/database/postgres/openPostgres.ts';
import type { Producer } from '../../../shared/kafka/port.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, openOutbox, order, type OutboxStage } from './outboxStage.ts';

/**
 * Where a relay stops: at its nth request to the database or to Kafka, either before it goes out, or after it was answered and before the relay
 * hears of it. For ever, as SIGKILL would; or until it thaws, as SIGSTOP would.
 */
class Freezer {
  steps = 0;
  reached = false;
  readonly #at: number;
  readonly #way: 'dies' | 'freezes';
  readonly #thawed = Promise.withResolvers<void>();

  constructor(at: number, way: 'dies' | 'freezes') {
    this.#at = at;
    this.#way = way;
  }

  thaw(): void {
    this.#thawed.resolve();
  }

  async request<T>(run: () => Promise<T>): Promise<T> {
    await this.#boundary();
    const answer = await run().then((value) => ({ value }), (error: unknown) => ({ error }));
    await this.#boundary();
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  async #boundary(): Promise<void> {
    this.steps += 1;
    if (this.steps === this.#at) this.reached = true;
    if (this.reached && this.#way === 'dies') throw new Gone();
    if (this.reached) await this.#thawed.promise;
  }

  /** The caller of what a dead process asked for hears nothing of it any more. */
  async #outermost<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Gone) await new Promise(() => undefined);
      throw error;
    }
  }

  database(database: Database): Database {
    const through = (session: Session): Session => ({
      query: (sql, params) => this.request(() => session.query(sql, params)),
      script: (sql) => this.request(() => session.script(sql)),
    });
    const own = through(database);
    return {
      query: (sql, params) => this.#outermost(() => own.query(sql, params)),
      script: (sql) => this.#outermost(() => own.script(sql)),
      // Death breaks the connection, which rolls back.
      transaction: (work) => this.#outermost(() => database.transaction((tx) => work(through(tx)))),
      listen: () => Promise.resolve(() => Promise.resolve()),
      close: () => Promise.resolve(),
    };
  }

  producer(producer: Producer): Pick<Producer, 'send' | 'partitionCount'> {
    return {
      partitionCount: (topic) => this.#outermost(() => this.request(() => producer.partitionCount(topic))),
      send: (topic, partition, records) => this.#outermost(() => this.request(() => producer.send(topic, partition, records))),
    };
  }
}

/** `OUTBOX_EVERY_STEP=1` visits each. */
const STRIDE = process.env['OUTBOX_EVERY_STEP'] === '1' ? 1 : 11;

class Gone extends Error {}

describe.each(databaseKinds)('a relay that stops at any step (%s)', (kind) => {
  let test: TestDatabase;
  let stage: OutboxStage;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    stage = await openOutbox(test.database);
    // Here and there a row is refused, so that the steps by which rows are set aside and let go are among them.
    let sends = 0;
    stage.cluster.faults.onProduce(({ records, clientId }) => (clientId === 'victim' && sends++ % 4 === 0 && records.some(({ headers }) => String(headers?.['ce_id']).startsWith('odd')) ? { type: 'refuse', code: 'BROKER_REFUSED' } : undefined));
  });
  afterAll(async () => {
    await stage.close();
    await test.close();
  });

  /** Of a victim on a server: which ends a transaction that a frozen process leaves open. */
  const openForVictim = (): Database => (test.url === null ? { ...stage.database, close: () => Promise.resolve() } : openPostgres({ url: test.url, statementTimeoutMs: 1000, maxConnections: 4 }));

  const visit = async (step: number, way: 'dies' | 'freezes'): Promise<boolean> => {
    const { database, outbox, startRelay, lanes, until, rowsLeft } = stage;
    const names = ['a', 'b', 'c'].map((name) => `${name}-${way}-${step}`);
    const expected = new Map<string, string[]>(names.map((name) => [name, []]));
    const write = (round: number) => database.transaction(async (tx) => {
      for (const name of names) for (const part of [1, 2, 3]) expected.get(name)?.push(await outbox.enqueue(tx, chargeOrder, order(name, round * 10 + part), part === 2 ? { id: `odd-${name}-${round}` } : {}));
    });
    const freezer = new Freezer(step, way);
    const startMs = performance.now();
    const handle = openForVictim();
    await write(1);
    const victim = startRelay({
      relayId: `victim-${way}-${step}`, database: freezer.database(handle), wrapProducer: (producer) => freezer.producer(producer), clientId: 'victim', abandoned: true,
      streams: 1, rowsPerShard: 2, pollMs: 20, firstRetryMs: 20, leaseMs: 30_000,
    });
    await until('the victim to stop, or to be through', async () => freezer.reached || (await rowsLeft() === 0 && freezer.steps > 0));
    await write(2);
    if (!freezer.reached) await until('the victim to stop, or to be through', async () => freezer.reached || await rowsLeft() === 0);
    // Its leases run out now rather than in half a minute; itself, it does not know that.
    await database.query('update millrace_outbox_shard set lease_until = \'-infinity\'');
    await database.query('delete from millrace_outbox_relay');
    const heir = await startRelay({ relayId: `heir-${way}-${step}`, streams: 2, pollMs: 20, rowsPerShard: 3, firstRetryMs: 20 });
    if (way === 'freezes') freezer.thaw();
    await write(3);
    await until(`all to be relayed after step ${step}`, async () => await rowsLeft() === 0);
    if (way === 'freezes') await (await victim).stop();
    await heir.stop();
    await handle.close();
    expect(new Map(names.map((name) => [name, lanes().get(name)])), `${way} at step ${step}`).toEqual(expected);
    expect(stage.landed().filter(({ headers }) => headers['mr_unique_for'] === undefined)).toEqual([]);
    expect((await database.query('select * from millrace_outbox_stuck')).rows).toEqual([]);
    if (process.env['OUTBOX_EVERY_STEP'] === '1') process.stderr.write(`${kind} ${way} ${step} ${Math.round(performance.now() - startMs)} ms\n`);
    return freezer.reached;
  };

  // The embedded database shares its process, and its one connection, with its user: there is nobody who goes on while it is frozen.
  for (const way of kind === 'postgres' ? ['dies', 'freezes'] as const : ['dies'] as const) {
    it(`${way}: its successor relays what is left, in order, and what came twice bears the same id`, async () => {
      let step = 1;
      for (; await visit(step, way); step += STRIDE) expect(step).toBeLessThan(400);
      expect(step).toBeGreaterThan(30);
    }, 180_000);
  }
});
