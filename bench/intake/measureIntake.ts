import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { spread, type BenchSetting, type Row } from '../measure/row.ts';
import { startDoor, type DoorProcess } from './doorProcess.ts';
import { driveBatches, driveSingles, type Drive } from './driveDoor.ts';

const CONCURRENCY = 64;
const BATCH = 5000;

interface Measured extends Drive {
  readonly cpuSeconds: number;
}

/** 202s per second over HTTP, by turns: the intake, and a route that only validates and calls plain KafkaJS `send`. */
export async function measureIntake({ brokers, registryUrl, jobs, runs, say }: BenchSetting): Promise<Row[]> {
  const broker = createKafkajsBroker({ brokers: brokers.split(',') });
  const admin = broker.createAdmin({ clientId: 'bench' });
  const queue = `bench-intake-${Date.now().toString(36)}`;
  await prepareTopics(admin, [queue], { partitions: 6, replicationFactor: 1 }, createLogger({ level: 'error', service: 'bench', clock: systemClock }));
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-intake-'));
  const env = {
    KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl, BENCH_QUEUE: queue, MILLRACE_DATABASE_FOLDER: join(folder, 'database'),
    MILLRACE_INTAKE_PORT: '0', MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s', MILLRACE_INTAKE_MAX_LAG: '1000000000', MILLRACE_INTAKE_PATIENCE: '30s',
  };
  const doors: DoorProcess[] = [];
  const start = async (...args: string[]): Promise<DoorProcess> => {
    const door = await startDoor(args, env);
    doors.push(door);
    return door;
  };
  try {
    const plain = await start(join(import.meta.dirname, 'plainDoor.main.ts'));
    const intake = await start(join(import.meta.dirname, '..', '..', 'services', 'intake', 'main.ts'), join(import.meta.dirname, 'intakeJobs.ts'));
    const singles = Math.max(500, Math.round(jobs / 10));
    const results = new Map<string, Measured[]>();
    const measure = async (name: string, door: DoorProcess, drive: () => Promise<Drive>): Promise<void> => {
      const before = await door.cpuSeconds();
      const driven = await drive();
      const measured = { ...driven, cpuSeconds: await door.cpuSeconds() - before };
      results.set(name, [...results.get(name) ?? [], measured]);
      say(`${name}: ${Math.round(driven.accepted / driven.seconds)}/s, p50 ${driven.p50.toFixed(1)} ms, p99 ${driven.p99.toFixed(1)} ms`);
    };
    const warm = Math.min(1000, singles);
    await driveSingles(plain.address, warm, CONCURRENCY, false);
    await driveSingles(intake.address, warm, CONCURRENCY, false);
    for (let run = 1; run <= runs; run += 1) {
      await measure('plain KafkaJS send', plain, () => driveSingles(plain.address, singles, CONCURRENCY, false));
      await measure('millrace', intake, () => driveSingles(intake.address, singles, CONCURRENCY, false));
      await measure('millrace, Idempotency-Key', intake, () => driveSingles(intake.address, Math.round(singles / 4), CONCURRENCY, true));
      await measure('millrace, batches', intake, () => driveBatches(intake.address, jobs, Math.min(BATCH, Math.ceil(jobs / 4)), 4));
    }
    const sent = 2 * warm + [...results.values()].flat().reduce((sum, { accepted }) => sum + accepted, 0);
    const held = (await admin.logBounds(queue)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
    const base = results.get('plain KafkaJS send') ?? [];
    return [...results].map(([contestant, measured]): Row => {
      const rates = measured.map(({ accepted, seconds }) => accepted / seconds);
      const p50 = spread(measured.map((one) => one.p50)).median.toFixed(1);
      const p99 = spread(measured.map((one) => one.p99)).median.toFixed(1);
      const wrong = measured.some(({ refused }) => refused > 0) || sent !== held;
      return {
        scenario: 'intake', contestant, jobsPerSecond: spread(rates), peakRssMb: null,
        cpuMicrosPerJob: spread(measured.map(({ cpuSeconds, accepted }) => (cpuSeconds * 1e6) / accepted)),
        ratio: contestant === 'plain KafkaJS send' ? null : { to: 'plain', value: spread(rates.map((rate, run) => rate / ((base[run]?.accepted ?? NaN) / (base[run]?.seconds ?? NaN)))) },
        check: wrong ? `WRONG: ${sent} accepted, ${held} in Kafka, ${JSON.stringify(measured)}` : `p50 ${p50} ms, p99 ${p99} ms; each 202 one record: ok`,
      };
    });
  } finally {
    await Promise.all(doors.map((door) => door.stop()));
    await admin.close();
    await rm(folder, { recursive: true, force: true });
  }
}
