import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { migrate } from '../../shared/database/migrate.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { createOutbox } from '../../shared/outbox/outbox.ts';
import { OUTBOX, outboxMigrations } from '../../shared/outbox/outboxTables.ts';
import { createOutboxRelay } from '../../shared/outbox/relay.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createDatabase } from '../../test/postgres/createDatabase.ts';
import type { Bench } from '../frame/bench.ts';
import { pick, type Contestant, type Sample, type Scenario } from '../frame/scenario.ts';
import { benchJob } from '../jobs/benchJob.ts';
import { benchPayload } from '../jobs/benchPayload.ts';
import { millrace } from '../systems/millrace.ts';
import { versionOf } from '../systems/versionOf.ts';

/** Transactions that write at once. */
const WRITERS = 16;
const WAIT_MS = 300_000;

interface OutboxPlan {
  /** Jobs of each transaction; null: they are all there before the clock starts. */
  readonly each: number | null;
  readonly relayed: boolean;
}

/** From the user's transaction to Kafka's ack and the row's end, on a PostgreSQL that waits for its disk. Writers and relay share this process. */
async function measureOutbox(bench: Bench, { each, relayed: relays }: OutboxPlan): Promise<Sample> {
  const rows = pick(bench.size, 30_000, 6000, 300);
  const place = await bench.place('outbox', ['kafka', 'postgres']);
  await millrace.prepare(place, { jobs: rows, keys: 1000, skew: 'even', workMs: 0 }, { concurrency: 1, order: 'strict' });
  const made = await createDatabase(place.postgresUrl);
  const database = openPostgres({ url: made.url, maxConnections: WRITERS + 8 });
  const broker = createKafkajsBroker({ brokers: place.brokers.split(',') });
  const admin = broker.createAdmin({ clientId: 'bench' });
  const producer = broker.createProducer({ clientId: 'bench-relay' });
  const job = benchJob(place.queue);
  const outbox = createOutbox({ codec: createCodec({ registry: createRegistry({ url: place.registryUrl }), clock: systemClock }) });
  let relayed = 0;
  const refusals: string[] = [];
  const relay = createOutboxRelay({
    database, producer, relayId: 'bench', clock: systemClock, random: Math.random, prepareQueue: () => Promise.resolve(),
    observer: { relayed: (count) => { relayed += count; }, refused: (_, error) => { refusals.push(String(error)); }, trouble: (error) => { bench.say(String(error)); } },
  });
  const enqueue = (from: number, count: number): Promise<unknown> => database.transaction((tx) => outbox.enqueueMany(tx, job, Array.from({ length: Math.min(count, rows - from) }, (_, index) => benchPayload((from + index) * 17))));
  const write = async (perTransaction: number, writers: number): Promise<void> => {
    let next = 0;
    await Promise.all(Array.from({ length: writers }, async () => {
      while (next < rows) {
        const from = next;
        next += perTransaction;
        await enqueue(from, perTransaction);
      }
    }));
  };
  const untilRelayed = async (): Promise<void> => {
    for (const endMs = performance.now() + WAIT_MS; relayed < rows;) {
      if (performance.now() > endMs) throw new Error(`${relayed} of ${rows} rows were relayed in five minutes`);
      await new Promise((resolve) => { setTimeout(resolve, 2); });
    }
  };
  try {
    await migrate(database, OUTBOX, outboxMigrations);
    await outbox.prepare([job]);
    await producer.start();
    if (each === null) await write(2000, 1);
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
    if (relays) await relay.start();
    await Promise.all([each === null ? undefined : write(each, WRITERS), relays ? untilRelayed() : undefined]);
    if (relays) await relay.stop();
    const { user, system } = process.cpuUsage(startCpu);
    const ms = performance.now() - startMs;
    const held = (await admin.logBounds(place.queue)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
    const { rows: [left] } = await database.query<{ count: number }>('select count(*)::int as count from millrace_outbox');
    const ok = refusals.length === 0 && (relays ? held === rows && left?.count === 0 : held === 0 && left?.count === rows);
    return { figures: { rate: (rows * 1000) / ms, micros: (user + system) / rows }, check: { ok, text: `${held.toLocaleString('en')} in Kafka, ${left?.count.toLocaleString('en')} in the table, of ${rows.toLocaleString('en')}` } };
  } finally {
    await producer.close();
    await admin.close();
    await database.close();
    await made.drop();
    await millrace.remove(place);
  }
}

const contestant = (name: string, settings: string, plan: OutboxPlan): Contestant => ({
  name, settings, needs: ['kafka', 'postgres'], durability: 'PostgreSQL with fsync, then Kafka with acks=all', versions: `${millrace.versions()}, ${versionOf('pg')}`, measure: (bench) => measureOutbox(bench, plan),
});

export const outboxScenario: Scenario = {
  name: 'outbox', measures: 'jobs through the outbox of a durable PostgreSQL',
  columns: [{ key: 'rate', title: 'jobs/s' }, { key: 'micros', title: 'CPU µs/job of writers and relay', digits: 1 }],
  subject: 'a backlog drained', compared: 'rate',
  contestants: () => [
    contestant('a backlog drained', 'one relay', { each: null, relayed: true }),
    contestant('enqueued alone, 4 a transaction', `${WRITERS} writers`, { each: 4, relayed: false }),
    contestant('enqueued and relayed, 4 a transaction', `${WRITERS} writers, one relay`, { each: 4, relayed: true }),
    contestant('enqueued and relayed, 50 a transaction', `${WRITERS} writers, one relay`, { each: 50, relayed: true }),
  ],
  smoke: ['a backlog drained', 'enqueued and relayed, 4 a transaction'],
  notes: ['The start and stop of the relay are part of its time.'],
  seconds: { full: 40, quick: 15, smoke: 8 },
};
