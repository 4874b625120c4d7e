import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Bench } from '../frame/bench.ts';
import { pidOf } from '../frame/drain.ts';
import { enqueueLoad } from '../frame/enqueue.ts';
import { pick, type Contestant, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { cpuSecondsOf } from '../process/cpu.ts';
import type { KafkaTools } from '../servers/kafkaTools.ts';
import { millrace } from '../systems/millrace.ts';

/** As a job of the benchmark. */
const RECORD_BYTES = 240;
const TIMEOUT_MS = 300_000;
const settings = { concurrency: 1, order: 'none' } as const;

async function runTool(bench: Bench, tool: string, args: readonly string[]): Promise<string> {
  const { java, classPath } = await bench.server('kafka-tools') as KafkaTools;
  const { stdout } = await promisify(execFile)(java, ['-Xmx512m', '-cp', classPath, `org.apache.kafka.tools.${tool}`, ...args], { cwd: bench.folder, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

const common = { needs: ['kafka', 'kafka-tools'], durability: millrace.durability, versions: 'Kafka\'s own Java clients and tools' } as const;

/** Kafka's own producer, as its tool drives it. */
export function perfProducer(size: Size): Contestant {
  const records = pick(size, 1_000_000, 300_000, 1000);
  return {
    ...common, name: 'kafka-producer-perf-test', settings: `acks=all, batch.size 65536, linger.ms 5, ${records.toLocaleString('en')} records of ${RECORD_BYTES} bytes without keys`,
    async measure(bench) {
      const load: Load = { jobs: records, keys: 1, skew: 'even', workMs: 0 };
      const place = await bench.place('perf', ['kafka']);
      await millrace.prepare(place, load, settings);
      const config = join(bench.folder, `${place.queue}.properties`);
      await writeFile(config, `bootstrap.servers=${place.brokers}\nacks=all\nbatch.size=65536\nlinger.ms=5\n`);
      const serverPid = await pidOf(bench, ['kafka']);
      const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
      const told = await runTool(bench, 'ProducerPerformance', ['--topic', place.queue, '--num-records', String(records), '--record-size', String(RECORD_BYTES), '--throughput', '-1', '--producer.config', config]);
      const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
      const rate = /records sent, ([\d.]+) records\/sec/.exec(told.trim().split('\n').at(-1) ?? '')?.[1];
      const admin = createKafkajsBroker({ brokers: place.brokers.split(',') }).createAdmin({ clientId: 'bench' });
      const held = (await admin.logBounds(place.queue)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
      await admin.close();
      await millrace.remove(place);
      return { figures: { bulk: rate === undefined ? null : Number(rate), bulkServer: before === null || after === null ? null : ((after - before) * 1e6) / records }, check: { ok: held === records && rate !== undefined, text: `${held.toLocaleString('en')} held of ${records.toLocaleString('en')} sent` } };
    },
  };
}

/** Kafka's own consumer, as its tool drives it: it reads records of jobs, and decodes nothing. */
export function perfConsumer(size: Size, against: string): Contestant {
  const load: Load = { jobs: pick(size, 500_000, 100_000, 1000), keys: 1000, skew: 'even', workMs: 0 };
  return {
    ...common, against, name: 'kafka-consumer-perf-test', settings: `its defaults, ${load.jobs.toLocaleString('en')} jobs of millrace's client; nothing is decoded`,
    async measure(bench) {
      const place = await bench.place('perf', ['kafka']);
      await millrace.prepare(place, load, settings);
      const serverPid = await pidOf(bench, ['kafka']);
      await enqueueLoad({ system: 'millrace', place, load, settings, serverPid, mode: { type: 'bulk' } });
      const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
      const told = await runTool(bench, 'ConsumerPerformance', ['--bootstrap-server', place.brokers, '--topic', place.queue, '--num-records', String(load.jobs), '--timeout', '30000']);
      const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
      await millrace.remove(place);
      const [head = '', line = ''] = told.trim().split('\n').slice(-2);
      const figure = (name: string): number | null => {
        const at = head.split(',').findIndex((title) => title.trim() === name);
        return at < 0 ? null : Number(line.split(',')[at]?.trim());
      };
      const read = figure('data.consumed.in.nMsg');
      return {
        figures: { rate: figure('fetch.nMsg.sec') ?? figure('nMsg.sec'), serverMicros: before === null || after === null ? null : ((after - before) * 1e6) / load.jobs },
        check: { ok: read !== null && read >= load.jobs, text: `${read?.toLocaleString('en')} read of ${load.jobs.toLocaleString('en')}` },
      };
    },
  };
}
