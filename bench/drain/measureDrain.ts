import { join } from 'node:path';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import type { Figures } from '../measure/processFigures.ts';
import { spread, type BenchSetting, type Row } from '../measure/row.ts';
import { runChild } from '../measure/runChild.ts';
import { KEYS } from './benchJob.ts';
import { preload } from './preload.ts';

interface WorkerFigures extends Figures {
  readonly ended: number;
  readonly outOfOrder: number;
  readonly keys: number;
}

const PARTITIONS = 6;
const WORK_MS = 10;
const WORK_CONCURRENCY = 500;

/** Drains the same preloaded jobs by turns: the bare loop (the limit), the worker, and the worker with a handler that takes its time. */
export async function measureDrain({ brokers, registryUrl, jobs, runs, say }: BenchSetting): Promise<Row[]> {
  const broker = createKafkajsBroker({ brokers: brokers.split(',') });
  const admin = broker.createAdmin({ clientId: 'bench' });
  const queue = `bench-drain-${Date.now().toString(36)}`;
  await prepareTopics(admin, [queue], { partitions: PARTITIONS, replicationFactor: 1 }, createLogger({ level: 'error', service: 'bench', clock: systemClock }));
  const preloadSeconds = await preload(broker, registryUrl, queue, jobs);
  await admin.close();
  say(`preloaded ${jobs} jobs in ${preloadSeconds.toFixed(1)} s`);

  const env = { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl };
  const file = (name: string): string => join(import.meta.dirname, name);
  const raw: Figures[] = [];
  const drain: WorkerFigures[] = [];
  const work: WorkerFigures[] = [];
  for (let run = 1; run <= runs; run++) {
    raw.push(await runChild<Figures>(file('rawLoop.main.ts'), [String(jobs), queue, `${queue}-raw-${run}`], env));
    drain.push(await runChild<WorkerFigures>(file('worker.main.ts'), [String(jobs), '0', '100', queue, `${queue}-drain-${run}`], env));
    work.push(await runChild<WorkerFigures>(file('worker.main.ts'), [String(jobs), String(WORK_MS), String(WORK_CONCURRENCY), queue, `${queue}-work-${run}`], env));
    say(`run ${run}: raw ${perSecond(raw, jobs).at(-1)?.toFixed(0)}/s, millrace ${perSecond(drain, jobs).at(-1)?.toFixed(0)}/s, ${WORK_MS} ms handler ${perSecond(work, jobs).at(-1)?.toFixed(0)}/s`);
  }
  const rawRates = perSecond(raw, jobs);
  const ceiling = (WORK_CONCURRENCY * 1000) / WORK_MS;
  return [
    row('enqueueMany', [preloadSeconds].map((seconds) => jobs / seconds), [], 'one run, client in the bench process', jobs),
    row('raw KafkaJS loop', rawRates, raw, 'consumes and decodes; no outcomes, order or commits', jobs),
    { ...row('millrace', perSecond(drain, jobs), drain, checkOf(drain, jobs), jobs), ratio: { to: 'raw', value: spread(perSecond(drain, jobs).map((rate, run) => rate / (rawRates[run] ?? NaN))) } },
    {
      ...row(`millrace, ${WORK_MS} ms handler × ${WORK_CONCURRENCY}`, perSecond(work, jobs), work, checkOf(work, jobs), jobs),
      ratio: { to: `${ceiling.toLocaleString('en')}/s`, value: spread(perSecond(work, jobs).map((rate) => rate / ceiling)) },
    },
  ];
}

function perSecond(figures: readonly Figures[], jobs: number): number[] {
  return figures.map(({ seconds }) => jobs / seconds);
}

function row(contestant: string, rates: readonly number[], figures: readonly Figures[], check: string, jobs: number): Row {
  return {
    scenario: 'drain',
    contestant,
    jobsPerSecond: spread(rates),
    cpuMicrosPerJob: figures.length === 0 ? null : spread(figures.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / jobs)),
    peakRssMb: figures.length === 0 ? null : spread(figures.map(({ peakRssMb }) => peakRssMb)),
    ratio: null,
    check,
  };
}

/** Every job once, each entity's in order. */
function checkOf(figures: readonly WorkerFigures[], jobs: number): string {
  const wrong = figures.filter(({ ended, outOfOrder, keys }) => ended !== jobs || outOfOrder > 0 || keys !== Math.min(jobs, KEYS));
  return wrong.length === 0 ? 'count and order per key: ok' : `WRONG: ${JSON.stringify(wrong)}`;
}
