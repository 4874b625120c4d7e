import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createHttpClient } from '../../shared/intake/httpClient.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { createMillrace, type Millrace } from '../../shared/millrace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createDatabase } from '../postgres/createDatabase.ts';
import { uniqueName } from '../topicNames.ts';
import { startIntake, type IntakeProcess } from './process/intakeProcess.ts';
import { countedJob } from './process/intakeJobs.ts';
import { until } from '../until.ts';

const queue = uniqueName('intake');
const runs = new Map<string, string[]>();
const job = countedJob(queue, (id, { orderId }) => { runs.set(orderId, [...runs.get(orderId) ?? [], id]); });
const payload = (orderId: string): JobV1 => ({
  orderId, customer: orderId.slice(-1), email: '', city: '', createdAt: 0, sequence: 0, amount: 1, currency: 'EUR', priority: 1, express: false, note: null, lines: [], tags: [],
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

let database: Awaited<ReturnType<typeof createDatabase>>;
let intake: IntakeProcess;
let millrace: Millrace;
const admin = createKafkajsBroker({ brokers: inject('brokers').split(',') }).createAdmin({ clientId: 'test' });
const recordCount = async (): Promise<number> => (await admin.logBounds(queue)).reduce((sum, { endOffset }) => sum + endOffset, 0);

beforeAll(async () => {
  database = await createDatabase(inject('databaseUrl'));
  intake = await startIntake({ KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), DATABASE_URL: database.url, INTAKE_TEST_QUEUE: queue, MILLRACE_INTAKE_PATIENCE: '1s' });
  millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), logger: createLogger({ level: 'error', service: 'test', clock: systemClock }) });
  await millrace.work([job]);
});
afterAll(async () => {
  await intake.kill();
  await millrace.close();
  await admin.close();
  await database.drop();
});

test('a job whose intake died between Kafka\'s ack and its answer is enqueued again by the retry, and runs once', async () => {
  const before = await recordCount();
  const sql = openPostgres({ url: database.url });
  // The answer is never written down: its writer hangs in the statement until it is killed.
  await sql.script(`create function hang() returns trigger language plpgsql as $$ begin perform pg_sleep(3600); return new; end $$;
    create trigger hang before update on intake_keys for each row execute function hang()`);
  const client = createHttpClient({ url: intake.url, requestTimeout: '60s' });
  const accepted = client.enqueue('order.charge', payload('hung-1'), { idempotencyKey: 'hung-1' });
  await until(async () => await recordCount() !== before, 'the record');
  await intake.kill();
  // Its session ends with it, but only once the statement notices.
  await sql.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()');
  await sql.script('drop trigger hang on intake_keys');
  await sql.close();
  await intake.start();
  const { id } = await accepted;
  expect(await client.enqueue('order.charge', payload('hung-1'), { idempotencyKey: 'hung-1' })).toMatchObject({ id });
  // What is enqueued last and runs shows that the double before it, of the same entity, was passed over.
  await client.enqueue('order.charge', payload('last-1'));
  await until(() => runs.has('last-1'), 'the last to run');
  expect(runs.get('hung-1')).toEqual([id]);
  expect(await recordCount()).toBe(before + 3);
});

test('jobs sent through an intake that is killed at any moment are all in, each once by its key', async () => {
  const client = createHttpClient({ url: intake.url, requestTimeout: '5s' });
  const ids = new Map<string, string>();
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < 300) {
      const orderId = `any-${next++}`;
      ids.set(orderId, (await client.enqueue('order.charge', payload(orderId), { idempotencyKey: orderId })).id);
    }
  };
  const sending = Promise.all(Array.from({ length: 12 }, send));
  for (const at of [60, 180]) {
    while (ids.size < at) await sleep(2);
    await intake.kill();
    await intake.start();
  }
  await sending;
  await until(() => runs.size >= 302, 'all to run');
  expect([...ids].map(([orderId, id]) => [orderId, [id]])).toEqual([...ids.keys()].map((orderId) => [orderId, runs.get(orderId)]));
});
