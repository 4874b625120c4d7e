import type { ClientMode } from '../children/clientPlan.ts';
import type { Bench } from '../frame/bench.ts';
import { pidOf } from '../frame/drain.ts';
import { enqueueLoad } from '../frame/enqueue.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { quantile } from '../frame/spread.ts';
import type { Load } from '../jobs/load.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';
import { perfProducer } from './kafkaPerf.ts';

interface Sizes {
  readonly awaited: number;
  readonly together: number;
  readonly bulk: number;
}

/** One client: awaited one after the other, 64 at once, and by the call for many; each on a queue of its own. */
async function measureEnqueue(bench: Bench, name: SystemName, { awaited, together, bulk }: Sizes): Promise<Sample> {
  const system = await loadSystem(name);
  const counting = await loadSystem(name === 'raw' ? 'millrace' : name);
  const serverPid = await pidOf(bench, system.needs);
  const settings = { concurrency: 1, order: 'none' } as const;
  let [sent, held] = [0, 0];
  const measure = async (jobs: number, mode: ClientMode) => {
    const load: Load = { jobs, keys: 1000, skew: 'even', workMs: 0 };
    const place = await bench.place(name, system.needs);
    await system.prepare(place, load, settings);
    const enqueued = await enqueueLoad({ system: name, place, load, settings, mode, serverPid });
    const watcher = await counting.watch(place);
    sent += jobs;
    held += await watcher.pending();
    await watcher.close();
    await system.remove(place);
    return { ...enqueued, rate: jobs / enqueued.seconds, micros: (enqueued.cpuSeconds * 1e6) / jobs, serverMicros: enqueued.serverCpuSeconds === null ? null : (enqueued.serverCpuSeconds * 1e6) / jobs };
  };
  const one = await measure(awaited, { type: 'singles', concurrency: 1 });
  const waits = one.ackedMs.map((ms, index) => ms - (one.intendedMs[index] ?? 0)).sort();
  const many = await measure(together, { type: 'singles', concurrency: 64 });
  const all = await measure(bulk, { type: 'bulk' });
  return {
    figures: {
      awaited: one.rate, awaitedMs: quantile(waits, 0.5), together: many.rate, togetherMicros: many.micros, togetherServer: many.serverMicros,
      bulk: all.rate, bulkMicros: all.micros, bulkServer: all.serverMicros,
    },
    check: { ok: sent === held, text: `${held.toLocaleString('en')} held of ${sent.toLocaleString('en')} sent` },
  };
}

async function contestant(name: string, systemName: SystemName, size: Size, sizes: Sizes): Promise<Contestant> {
  const system = await loadSystem(systemName);
  const { slice, parallel } = system.bulk;
  const cut = (jobs: number): number => pick(size, jobs, Math.round(jobs / 5), Math.min(jobs, 300));
  const { awaited, together, bulk } = { awaited: cut(sizes.awaited), together: cut(sizes.together), bulk: cut(sizes.bulk) };
  return {
    name, needs: system.needs, durability: system.durability, versions: system.versions(),
    settings: `${awaited.toLocaleString('en')} awaited, ${together.toLocaleString('en')} with 64 at once, ${bulk.toLocaleString('en')} in calls for ${slice.toLocaleString('en')}, ${parallel} at once`,
    measure: (bench) => measureEnqueue(bench, systemName, { awaited, together, bulk }),
  };
}

const PEERS = ['BullMQ', 'BullMQ, AOF', 'graphile-worker', 'pg-boss'];

export const enqueueScenario: Scenario = {
  name: 'enqueue', measures: 'one client process: jobs awaited one by one, 64 at once, and in bulk',
  columns: [
    { key: 'awaited', title: 'awaited/s' }, { key: 'awaitedMs', title: 'p50 ms', digits: 2 }, { key: 'together', title: '64 at once/s' },
    { key: 'togetherMicros', title: 'client µs/job', digits: 1 }, { key: 'togetherServer', title: 'server µs/job', digits: 1 },
    { key: 'bulk', title: 'bulk/s' }, { key: 'bulkMicros', title: 'client µs/job (bulk)', digits: 1 }, { key: 'bulkServer', title: 'server µs/job (bulk)', digits: 1 },
  ],
  subject: 'millrace', compared: 'bulk',
  smoke: ['millrace', 'kafka-producer-perf-test'],
  contestants: (size) => Promise.all([
    contestant('millrace', 'millrace', size, { awaited: 5000, together: 100_000, bulk: 500_000 }),
    contestant('raw KafkaJS producer', 'raw', size, { awaited: 5000, together: 30_000, bulk: 500_000 }),
    Promise.resolve(perfProducer(size)),
    contestant('BullMQ', 'bullmq', size, { awaited: 10_000, together: 50_000, bulk: 120_000 }),
    contestant('BullMQ, AOF', 'bullmq-aof', size, { awaited: 10_000, together: 50_000, bulk: 120_000 }),
    contestant('graphile-worker', 'graphile', size, { awaited: 3000, together: 20_000, bulk: 200_000 }),
    contestant('pg-boss', 'pgboss', size, { awaited: 3000, together: 20_000, bulk: 200_000 }),
  ]),
  goals: [
    { text: 'bulk at least that of the best peer', contestant: 'millrace', column: 'bulk', over: PEERS, atLeast: 1 },
    { text: '64 at once at least that of the best peer', contestant: 'millrace', column: 'together', over: PEERS, atLeast: 1 },
  ],
  notes: ['Payloads are built and encoded on the clock. The perf tool writes random bytes of the same size, without keys.'],
  seconds: { full: 90, quick: 40, smoke: 15 },
};
