import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { migrate } from '../../shared/database/migrate.ts';
import type { Database } from '../../shared/database/port.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createMillrace, type Millrace } from '../../shared/millrace.ts';
import { createOutbox } from '../../shared/outbox/outbox.ts';
import { OUTBOX, outboxMigrations } from '../../shared/outbox/outboxTables.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createDatabase } from '../postgres/createDatabase.ts';
import { uniqueName } from '../topicNames.ts';
import { countedJob } from './process/intakeJobs.ts';
import { startRelayProcess, type RelayProcess } from './process/relayProcess.ts';
import { until } from '../until.ts';

const queue = uniqueName('outbox');
/** Ids by customer, in the order of their runs. */
const runs = new Map<string, string[]>();
let ran = 0;
const job = countedJob(queue, (id, { customer }) => {
  runs.set(customer, [...runs.get(customer) ?? [], id]);
  ran += 1;
});
const payload = (customer: string, sequence: number): JobV1 => ({
  orderId: `${customer}-${sequence}`, customer, email: '', city: '', createdAt: 0, sequence, amount: 1, currency: 'EUR', priority: 1, express: false, note: null, lines: [], tags: [],
});
const outbox = createOutbox({ codec: createCodec({ registry: createRegistry({ url: inject('registryUrl') }), clock: systemClock }) });
const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

let server: Awaited<ReturnType<typeof createDatabase>>;
let database: Database;
let millrace: Millrace;
const relays: RelayProcess[] = [];
const startRelay = (): RelayProcess => {
  const relay = startRelayProcess({ KAFKA_BROKERS: inject('brokers'), DATABASE_URL: server.url, MILLRACE_OUTBOX_LEASE: '1s', MILLRACE_OUTBOX_POLL: '100ms' });
  relays.push(relay);
  return relay;
};

beforeAll(async () => {
  server = await createDatabase(inject('databaseUrl'));
  database = openPostgres({ url: server.url });
  await migrate(database, OUTBOX, outboxMigrations);
  await outbox.prepare([job]);
  millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), logger: createLogger({ level: 'error', service: 'test', clock: systemClock }) });
  await millrace.work([job]);
});
afterAll(async () => {
  await Promise.all(relays.map((relay) => relay.kill()));
  await millrace.close();
  await database.close();
  await server.drop();
});

test('jobs written in transactions run once each, in the order of their entity\'s commits, though their relays are killed again and again', async () => {
  const expected = new Map<string, string[]>();
  const begun = { transactions: 0 };
  const TRANSACTIONS = 60;
  const write = async (customer: string): Promise<void> => {
    const mine: string[] = [];
    expected.set(customer, mine);
    for (let round = 0; round < TRANSACTIONS; round++) {
      begun.transactions += 1;
      const undone = new Error('undone');
      const ids = await database.transaction(async (tx) => {
        const written = await outbox.enqueueMany(tx, job, [1, 2, 3].map((part) => payload(customer, round * 10 + part)));
        if (round % 5 === 4) throw undone;
        return written;
      }).catch((error: unknown) => {
        if (error !== undone) throw error;
        return [];
      });
      mine.push(...ids);
      await sleep(5);
    }
  };
  let victim = startRelay();
  const standby = startRelay();
  const writing = Promise.all(['a', 'b', 'c', 'd', 'e'].map(write));
  for (let deaths = 0; deaths < 4; deaths++) {
    await victim.relaying;
    // In the midst of its work: some of what was written since it came has run.
    const before = ran;
    while (ran < before + 20 && begun.transactions < 5 * TRANSACTIONS) await sleep(2);
    await victim.kill();
    victim = startRelay();
  }
  await writing;
  const total = [...expected.values()].flat().length;
  expect(total).toBe(5 * 48 * 3);
  await until(() => ran >= total, 'all to run');
  // What comes last and runs shows that no double is to come behind it.
  const last = await database.transaction((tx) => outbox.enqueueMany(tx, job, [...expected.keys()].map((customer) => payload(customer, 9999))));
  for (const [index, customer] of [...expected.keys()].entries()) expected.get(customer)?.push(last[index] ?? '');
  await until(() => ran >= total + last.length, 'the last to run');
  expect(runs).toEqual(expected);

  const text = await (await fetch(`${await standby.url}/metrics`)).text();
  expect(text).toMatch(/millrace_outbox_shards [1-9]/);
  expect((await fetch(`${await standby.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${await standby.url}/livez`)).status).toBe(200);
  expect(await standby.stop()).toBe(0);
});
