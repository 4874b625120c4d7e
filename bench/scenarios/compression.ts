import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compressions, type Compression } from '../../shared/kafka/compression.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { judge } from '../check/judge.ts';
import type { Bench } from '../frame/bench.ts';
import { drain } from '../frame/drain.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import type { KafkaServer } from '../servers/kafka.ts';
import { millrace } from '../systems/millrace.ts';
import { drainFigures } from './drainContestant.ts';

/** Bytes of a topic's segments; null where they do not lie here. */
async function bytesOf(logFolder: string | null, topic: string): Promise<number | null> {
  if (logFolder === null) return null;
  let sum = 0;
  for (const name of await readdir(logFolder)) {
    if (!name.startsWith(`${topic}-`) || !/^\d+$/.test(name.slice(topic.length + 1))) continue;
    for (const file of await readdir(join(logFolder, name))) if (file.endsWith('.log')) sum += (await stat(join(logFolder, name, file))).size;
  }
  return sum;
}

async function measureCompression(bench: Bench, compression: Compression, load: Load): Promise<Sample> {
  const { logFolder } = await bench.server('kafka') as KafkaServer;
  const perJob = (bytes: number | null): number | null => (bytes === null ? null : bytes / load.jobs);
  let mainBytes: number | null = null;
  let eventBytes: number | null = null;
  const drained = await drain(bench, {
    system: 'millrace', load, settings: { concurrency: 100, order: 'strict', compression },
    async inspect({ queue }) {
      const { main, events } = queueTopicNames(queue);
      mainBytes = await bytesOf(logFolder, main);
      eventBytes = await bytesOf(logFolder, events);
    },
  });
  const { enqueued } = drained;
  return {
    figures: {
      ...drainFigures(drained, load.jobs), clientMicros: (enqueued.cpuSeconds * 1e6) / load.jobs, enqueueServer: enqueued.serverCpuSeconds === null ? null : (enqueued.serverCpuSeconds * 1e6) / load.jobs,
      mainBytes: perJob(mainBytes), eventBytes: perJob(eventBytes),
    },
    check: judge(load, drained.runs, { order: 'strict' }),
  };
}

export const compressionScenario: Scenario = {
  name: 'compression', measures: 'no-op jobs enqueued in bulk and worked off, with what producers send packed or not',
  columns: [
    { key: 'mainBytes', title: 'bytes/job' }, { key: 'eventBytes', title: 'of events', digits: 1 }, { key: 'enqueueRate', title: 'bulk/s' }, { key: 'clientMicros', title: 'client µs/job', digits: 1 },
    { key: 'enqueueServer', title: 'server µs/job (bulk)', digits: 1 }, { key: 'rate', title: 'drained/s' }, { key: 'workerMicros', title: 'worker µs/job', digits: 1 }, { key: 'serverMicros', title: 'server µs/job', digits: 1 },
  ],
  subject: 'none', compared: 'rate', smoke: ['zstd'],
  contestants: (size: Size): Contestant[] => compressions.map((compression) => ({
    name: compression, needs: millrace.needs, durability: millrace.durability, versions: millrace.versions(), settings: `compression ${compression} of client and worker`,
    measure: (bench) => measureCompression(bench, compression, { jobs: pick(size, 300_000, 60_000, 300), keys: 1000, skew: 'even', workMs: 0 }),
  })),
  notes: ['Bytes are those of the topics\' segments on the broker\'s disk, headers included. Jobs resemble one another, as jobs of one kind do.'],
  seconds: { full: 35, quick: 15, smoke: 3 },
};
