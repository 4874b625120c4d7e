import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { migrate } from '../../shared/database/migrate.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { createMillrace } from '../../shared/millrace.ts';
import { createOutbox } from '../../shared/outbox/outbox.ts';
import { OUTBOX, outboxMigrations } from '../../shared/outbox/outboxTables.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { countedJob } from '../guarantees/process/intakeJobs.ts';
import { createDatabase } from '../postgres/createDatabase.ts';
import { uniqueName } from '../topicNames.ts';
import { ArmedProcess } from './armedProcess.ts';
import type { Visited } from './arming.ts';

export interface RelayTourOptions {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly databaseUrl: string;
  readonly code: Readonly<Record<string, string>>;
  /** Points at which relays die, one after the other. Empty: one relay that lives, to see what it comes by. */
  readonly points: readonly string[];
  readonly say?: (line: string) => void;
}

export interface RelayTourReport {
  /** Those that were reached, and killed. */
  readonly died: readonly string[];
  /** What the relay came by that lived. */
  readonly visited: ReadonlySet<string>;
  /** Ids by customer: as their transactions committed, and as they ran. */
  readonly committed: ReadonlyMap<string, readonly string[]>;
  readonly ran: ReadonlyMap<string, readonly string[]>;
  /** Records of the topic beyond one a job: what came twice. */
  readonly doubles: number;
}

const CUSTOMERS = ['a', 'b', 'c', 'd', 'e', 'f'];
const REACH_MS = 20_000;

/** Lets outbox relays die at these points on real Kafka and PostgreSQL, each with jobs to relay, and a worker run what comes of it. */
export async function playRelayTour({ brokers, registryUrl, databaseUrl, code, points, say = () => undefined }: RelayTourOptions): Promise<RelayTourReport> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-relay-'));
  const codeFile = join(folder, 'code.json');
  await writeFile(codeFile, JSON.stringify(code));
  const server = await createDatabase(databaseUrl);
  const database = openPostgres({ url: server.url });
  const millrace = createMillrace({ brokers, registryUrl, logger: createLogger({ level: 'error', service: 'test', clock: systemClock }) });
  const queue = uniqueName('relay-tour');
  const ran = new Map<string, string[]>();
  const committed = new Map<string, string[]>(CUSTOMERS.map((customer) => [customer, []]));
  const job = countedJob(queue, (id, { customer }) => { ran.set(customer, [...ran.get(customer) ?? [], id]); });
  const outbox = createOutbox({ codec: createCodec({ registry: createRegistry({ url: registryUrl }), clock: systemClock }) });
  const died: string[] = [];
  const visited = new Set<string>();
  const processes: ArmedProcess[] = [];
  let written = 0;
  const write = async (): Promise<void> => {
    for (const part of [1, 2]) {
      const ids = await database.transaction((tx) => outbox.enqueueMany(tx, job, CUSTOMERS.map((customer) => payloadOf(customer, (written += 1) * 10 + part))));
      for (const [index, customer] of CUSTOMERS.entries()) committed.get(customer)?.push(ids[index] ?? '');
    }
  };
  const spawn = (point: string | null): ArmedProcess => {
    const workerId = `relay-${processes.length}`;
    const made = new ArmedProcess({ workerId }, {
      codeFile, armed: point === null ? null : { point, phase: 'any', nth: 1 }, shakyNetwork: false, shakyRegistry: false,
      deathFile: join(folder, `${workerId}.death`), visitFile: point === null ? join(folder, `${workerId}.visits`) : null,
    }, {
      main: 'services/outbox-relay/main.ts',
      env: { KAFKA_BROKERS: brokers, DATABASE_URL: server.url, MILLRACE_OUTBOX_LEASE: '1s', MILLRACE_OUTBOX_POLL: '50ms', MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s' },
    });
    processes.push(made);
    return made;
  };
  const rowsLeft = async (): Promise<number> => (await database.query<{ n: number }>('select count(*) as n from millrace_outbox')).rows[0]?.n ?? -1;
  const until = async (condition: () => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> => {
    for (const endMs = Date.now() + patienceMs; Date.now() < endMs;) {
      if (await condition()) return true;
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
    return false;
  };

  try {
    await migrate(database, OUTBOX, outboxMigrations);
    await outbox.prepare([job]);
    await millrace.work([job]);
    for (const point of points) {
      await write();
      const victim = spawn(point);
      await until(async () => !victim.alive || await rowsLeft() === 0, REACH_MS);
      // What it does on its way out may be the point.
      victim.signal('SIGTERM');
      await victim.ended;
      if (victim.death !== null) died.push(point);
      say(`${victim.death === null ? 'not reached' : 'died'}: ${point}`);
    }
    await write();
    const survivor = spawn(null);
    if (!await until(async () => await rowsLeft() === 0, 30_000)) throw new Error(`rows are left: ${await rowsLeft()}; ${survivor.errors} ${survivor.lines.slice(-3).join(' ')}`);
    const total = [...committed.values()].flat().length;
    await until(() => [...ran.values()].flat().length >= total, 30_000);
    survivor.signal('SIGTERM');
    await survivor.ended;
    for (const [visit] of (JSON.parse(await readFile(survivor.arming.visitFile ?? '', 'utf8')) as Visited).visits) visited.add(visit.slice(visit.indexOf(' ') + 1));
    return { died, visited, committed, ran, doubles: await countRecords(brokers, queue) - total };
  } finally {
    for (const one of processes) if (one.alive) one.signal('SIGKILL');
    await millrace.close();
    await database.close();
    await server.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function countRecords(brokers: string, topic: string): Promise<number> {
  const admin = createKafkajsBroker({ brokers: brokers.split(',') }).createAdmin({ clientId: 'relay-tour' });
  const bounds = await admin.logBounds(topic);
  await admin.close();
  return bounds.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
}

function payloadOf(customer: string, sequence: number): JobV1 {
  return { orderId: `${customer}-${sequence}`, customer, email: '', city: '', createdAt: 0, sequence, amount: 1, currency: 'EUR', priority: 1, express: false, note: null, lines: [], tags: [] };
}
