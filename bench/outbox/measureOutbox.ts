import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { migrate } from '../../shared/database/migrate.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { createOutbox } from '../../shared/outbox/outbox.ts';
import { OUTBOX, outboxMigrations } from '../../shared/outbox/outboxTables.ts';
import { createOutboxRelay } from '../../shared/outbox/relay.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createDatabase } from '../../test/postgres/createDatabase.ts';
import { startPostgres } from '../../test/postgres/startPostgres.ts';
import { benchJob, benchPayload } from '../drain/benchJob.ts';
import { spread, type BenchSetting, type Row } from '../measure/row.ts';

/** Transactions that write at once. */
const WRITERS = 16;
/** Jobs of each: what an application does in a request, and what an import does. */
const FEW = 4;
const MANY = 50;
const WAIT_MS = 300_000;

interface Figures {
  readonly rate: number;
  readonly cpuMicros: number;
}

/** From the user's transaction to Kafka's ack and the row's end, on a PostgreSQL that waits for its disk: a backlog drained, and rows relayed while they are written. */
export async function measureOutbox({ brokers, registryUrl, jobs, runs, say }: BenchSetting): Promise<Row[]> {
  const given = process.env['DATABASE_URL'] ?? '';
  const server = given === '' ? await startPostgres({ durable: true, settings: { max_wal_size: '2GB' } }) : await createDatabase(given).then((made) => ({ url: made.url, stop: () => made.drop() }));
  const database = openPostgres({ url: server.url, maxConnections: WRITERS + 8 });
  const logger = createLogger({ level: 'error', service: 'bench', clock: systemClock });
  const broker = createKafkajsBroker({ brokers: brokers.split(',') });
  const admin = broker.createAdmin({ clientId: 'bench' });
  const producer = broker.createProducer({ clientId: 'bench-relay' });
  const queue = `bench-outbox-${Date.now().toString(36)}`;
  const job = benchJob(queue, 0, () => undefined);
  const outbox = createOutbox({ codec: createCodec({ registry: createRegistry({ url: registryUrl }), clock: systemClock }) });
  const results = new Map<string, Figures[]>();
  const note = (name: string, figures: Figures): void => {
    results.set(name, [...results.get(name) ?? [], figures]);
    say(`${name}: ${Math.round(figures.rate)}/s, ${figures.cpuMicros.toFixed(0)} µs of this process a job`);
  };
  let relayed = 0;
  const relayOn = async () => {
    relayed = 0;
    const relay = createOutboxRelay({
      database, producer, relayId: `bench-${Math.random()}`, clock: systemClock, random: Math.random, prepareQueue: (name) => prepareTopics(admin, [name], { partitions: 6, replicationFactor: 1 }, logger),
      observer: { relayed: (rows) => { relayed += rows; }, refused: (_, error) => { say(String(error)); }, trouble: (error) => { say(String(error)); } },
    });
    await relay.start();
    return relay;
  };
  const untilRelayed = async (count: number): Promise<void> => {
    for (const endMs = performance.now() + WAIT_MS; relayed < count;) {
      if (performance.now() > endMs) throw new Error(`${relayed} of ${count} rows were relayed in five minutes`);
      await new Promise((resolve) => { setTimeout(resolve, 2); });
    }
  };
  const timed = async (count: number, work: () => Promise<void>): Promise<Figures> => {
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(startCpu);
    const ms = performance.now() - startMs;
    return { rate: (count * 1000) / ms, cpuMicros: (user + system) / count };
  };
  const write = async (count: number, each: number): Promise<void> => {
    let next = 0;
    await Promise.all(Array.from({ length: WRITERS }, async () => {
      while (next < count) {
        const from = next;
        next += each;
        // Spread, so that writers meet at an entity seldom, as users do.
        await database.transaction((tx) => outbox.enqueueMany(tx, job, Array.from({ length: Math.min(each, count - from) }, (_, index) => benchPayload((from + index) * 17))));
      }
    }));
  };
  try {
    await migrate(database, OUTBOX, outboxMigrations);
    await outbox.prepare([job]);
    await producer.start();
    const rows = Math.max(2000, Math.round(jobs / 10));
    for (let run = 1; run <= runs; run += 1) {
      for (let from = 0; from < rows; from += 2000) await database.transaction((tx) => outbox.enqueueMany(tx, job, Array.from({ length: Math.min(2000, rows - from) }, (_, index) => benchPayload(from + index))));
      const drained = await timed(rows, async () => {
        const relay = await relayOn();
        await untilRelayed(rows);
        await relay.stop();
      });
      note('a backlog drained', drained);
      note(`enqueued alone, ${FEW} a transaction`, await timed(rows, () => write(rows, FEW)));
      const relay = await relayOn();
      await untilRelayed(rows);
      for (const each of [FEW, MANY]) {
        relayed = 0;
        note(`enqueued and relayed, ${each} a transaction`, await timed(rows, async () => { await Promise.all([write(rows, each), untilRelayed(rows)]); }));
      }
      await relay.stop();
    }
    const held = (await admin.logBounds(queue)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
    const wanted = rows * 4 * runs;
    const { rows: [table] } = await database.query<{ mb: number; left: number }>('select pg_total_relation_size(\'millrace_outbox\') / 1048576.0::float8 as mb, (select count(*) from millrace_outbox) as left');
    const check = held === wanted && table?.left === 0 ? `each row one record; the table has ${table.mb.toFixed(0)} MB after ${wanted.toLocaleString('en')} rows: ok` : `WRONG: ${held} of ${wanted} records, ${table?.left} rows left`;
    return [...results].map(([contestant, figures]): Row => ({
      scenario: 'outbox', contestant, check, jobsPerSecond: spread(figures.map(({ rate }) => rate)), cpuMicrosPerJob: spread(figures.map(({ cpuMicros }) => cpuMicros)), peakRssMb: null, ratio: null,
    }));
  } finally {
    await producer.close();
    await admin.close();
    await database.close();
    await server.stop();
  }
}
