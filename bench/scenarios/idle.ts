import type { IdleTold } from '../children/idlePlan.ts';
import type { Bench } from '../frame/bench.ts';
import { pidOf } from '../frame/drain.ts';
import { pick, type Contestant, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { startChild } from '../process/child.ts';
import { cpuSecondsOf } from '../process/cpu.ts';
import type { Settings } from '../systems/system.ts';
import { loadSystem, type SystemName } from '../systems/systems.ts';

const nothing: Load = { jobs: 0, keys: 1, skew: 'even', workMs: 0 };
/** Until what starting up leaves behind is done. */
const SETTLE_MS = 3000;

async function measureIdle(bench: Bench, name: SystemName, queues: number, settings: Settings): Promise<Sample> {
  const system = await loadSystem(name);
  const serverPid = await pidOf(bench, system.needs);
  const places = [];
  for (let queue = 0; queue < queues; queue++) {
    const place = await bench.place('idle', system.needs);
    if (queue === 0 || !system.queuesShare) await system.prepare(place, nothing, settings);
    places.push(place);
  }
  const child = startChild<IdleTold>('children/idle.main.ts', { system: name, places, settings });
  const wait = (ms: number): Promise<unknown> => Promise.race([child.ended, new Promise((resolve) => { setTimeout(resolve, ms); })]);
  try {
    await child.hear('ready');
    child.send({ type: 'go' });
    await child.hear('started');
    await wait(pick(bench.size, SETTLE_MS, SETTLE_MS, 200));
    const before = serverPid === null ? null : await cpuSecondsOf(serverPid);
    child.send({ type: 'mark' });
    await wait(pick(bench.size, 15_000, 5000, 500));
    child.send({ type: 'report' });
    const { cpuSeconds, seconds, rssMb } = await child.hear('figures');
    const after = serverPid === null ? null : await cpuSecondsOf(serverPid);
    child.send({ type: 'stop' });
    await Promise.race([child.ended, new Promise((resolve) => { setTimeout(resolve, 5000); })]);
    return {
      figures: { worker: (100 * cpuSeconds) / seconds, server: before === null || after === null ? null : (100 * (after - before)) / seconds, rss: rssMb },
      check: { ok: true, text: 'nothing to check' },
    };
  } finally {
    await child.dismiss();
    for (const place of places) await system.remove(place);
  }
}

async function contestant(name: string, systemName: SystemName, queues: number, settings: Settings): Promise<Contestant> {
  const system = await loadSystem(systemName);
  return {
    name: `${name}, ${queues} ${queues === 1 ? 'queue' : 'queues'}`, needs: system.needs, durability: system.durability, versions: system.versions(), settings: system.describe(settings),
    against: `millrace, ${queues} ${queues === 1 ? 'queue' : 'queues'}`, measure: (bench) => measureIdle(bench, systemName, queues, settings),
  };
}

export const idleScenario: Scenario = {
  name: 'idle', measures: 'what a worker takes when there is nothing to do, on one queue and on 50',
  columns: [{ key: 'worker', title: 'worker, % of a core', digits: 2 }, { key: 'server', title: 'server, % of a core', digits: 2 }, { key: 'rss', title: 'worker MB' }],
  subject: 'millrace, 1 queue', compared: 'worker', smoke: ['millrace, 3 queues'],
  contestants: (size: Size) => {
    const many = pick(size, 50, 50, 3);
    const free = { concurrency: 50, order: 'none' } as const;
    return Promise.all([1, many].flatMap((queues) => [
      contestant('millrace', 'millrace', queues, { concurrency: 100, order: 'strict' }),
      contestant('BullMQ c50', 'bullmq', queues, free),
      contestant('graphile-worker batched', 'graphile', queues, { ...free, batched: true }),
      contestant('pg-boss NOTIFY', 'pgboss', queues, { ...free, loops: 2, batchSize: 25, notify: true }),
    ]));
  },
  notes: ['A server does things of its own too: Kafka about as much as is told here for the idlest row. Fifty queues of graphile-worker are fifty task names of one runner.'],
  seconds: { full: 180, quick: 90, smoke: 5 },
};
