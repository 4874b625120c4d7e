import { join } from 'node:path';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Bench } from '../frame/bench.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { startDoor } from '../intake/doorProcess.ts';
import { driveBatches, driveSingles, type Drive } from '../intake/driveDoor.ts';
import type { Load } from '../jobs/load.ts';
import { millrace } from '../systems/millrace.ts';
import { versionOf } from '../systems/versionOf.ts';

const CONCURRENCY = 64;
const folder = join(import.meta.dirname, '..', 'intake');
const anyLoad: Load = { jobs: 0, keys: 1000, skew: 'even', workMs: 0 };

/** One door, asked by so many connections; warmed up by half as many posts as are then counted: a door runs for days. */
async function measureDoor(bench: Bench, args: readonly string[], warm: number, drive: (address: string) => Promise<Drive>): Promise<Sample> {
  const place = await bench.place('intake', ['kafka']);
  await millrace.prepare(place, anyLoad, { concurrency: 1, order: 'strict' });
  const logFile = join(bench.folder, `${place.queue}.log`);
  const door = await startDoor(args, {
    folder: bench.folder, logFile,
    env: {
      KAFKA_BROKERS: place.brokers, SCHEMA_REGISTRY_URL: place.registryUrl, BENCH_QUEUE: place.queue, MILLRACE_DATABASE_FOLDER: join(bench.folder, `${place.queue}-database`), DATABASE_URL: '',
      MILLRACE_INTAKE_PORT: '0', MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s', MILLRACE_INTAKE_MAX_LAG: '1000000000', MILLRACE_INTAKE_PATIENCE: '30s',
    },
  });
  try {
    const warmed = await driveSingles(door.address, warm, CONCURRENCY, false);
    const before = await door.cpuSeconds();
    const driven = await drive(door.address);
    const cpuSeconds = await door.cpuSeconds() - before;
    const admin = createKafkajsBroker({ brokers: place.brokers.split(',') }).createAdmin({ clientId: 'bench' });
    const held = (await admin.logBounds(place.queue)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
    await admin.close();
    const accepted = warmed.accepted + driven.accepted;
    return {
      figures: { rate: driven.accepted / driven.seconds, p50: driven.p50, p99: driven.p99, micros: (cpuSeconds * 1e6) / driven.accepted },
      check: { ok: held === accepted && driven.refused + warmed.refused === 0, text: `${accepted.toLocaleString('en')} accepted, ${held.toLocaleString('en')} in Kafka, ${driven.refused} refused` },
    };
  } finally {
    await door.stop();
    await millrace.remove(place);
  }
}

function contestants(size: Size): Contestant[] {
  const singles = pick(size, 30_000, 6000, 300);
  const batched = pick(size, 300_000, 60_000, 600);
  const plain = [join(folder, 'plainDoor.main.ts')];
  const intake = [join(folder, '..', '..', 'services', 'intake', 'main.ts'), join(folder, 'intakeJobs.ts')];
  const common = { needs: ['kafka'], durability: millrace.durability, versions: `${millrace.versions()}, ${versionOf('fastify')}` } as const;
  const door = (name: string, settings: string, args: readonly string[], drive: (address: string) => Promise<Drive>): Contestant => ({
    ...common, name, settings, measure: (bench) => measureDoor(bench, args, Math.round(singles / 2), drive),
  });
  return [
    door('millrace', `POST /v1/jobs over ${CONCURRENCY} connections`, intake, (address) => driveSingles(address, singles, CONCURRENCY, false)),
    door('plain KafkaJS send', 'the same route, which validates and calls send of KafkaJS for each request', plain, (address) => driveSingles(address, singles, CONCURRENCY, false)),
    door('millrace, Idempotency-Key', 'each with a key of its own, in the embedded database', intake, (address) => driveSingles(address, Math.round(singles / 4), CONCURRENCY, true)),
    door('millrace, batches', 'POST /v1/jobs/batch of 5,000 lines over 4 connections', intake, (address) => driveBatches(address, batched, Math.min(5000, Math.ceil(batched / 4)), 4)),
  ];
}

export const intakeScenario: Scenario = {
  name: 'intake', measures: 'jobs over HTTP, beside the same route over plain KafkaJS',
  columns: [{ key: 'rate', title: 'jobs/s' }, { key: 'p50', title: 'p50 ms', digits: 1 }, { key: 'p99', title: 'p99 ms', digits: 1 }, { key: 'micros', title: 'door CPU µs/job', digits: 1 }],
  subject: 'millrace', compared: 'rate', contestants,
  smoke: ['plain KafkaJS send', 'millrace, batches'],
  notes: ['Latencies of batches are those of whole batches. The driver shares the machine with the door and the broker.'],
  seconds: { full: 40, quick: 20, smoke: 10 },
};
