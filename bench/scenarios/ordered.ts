import type { DrainPlan } from '../frame/drain.ts';
import { pick, type Contestant, type Scenario, type Size } from '../frame/scenario.ts';
import { busiestOf, type Load } from '../jobs/load.ts';
import { drainColumns, drainContestant } from './drainContestant.ts';

const WORK_MS = 10;

/** With the two limits of such a run: all slots always busy, and the busiest entity's jobs one after the other without a pause. */
async function ordered(name: string, plan: DrainPlan, against?: string): Promise<Contestant> {
  const { load, settings: { concurrency } } = plan;
  const bySlots = (concurrency * 1000) / WORK_MS;
  const byBusiest = (load.jobs * 1000) / (busiestOf(load) * WORK_MS);
  const limit = Math.min(bySlots, byBusiest);
  return drainContestant(name, plan, {
    ...(against === undefined ? {} : { against: against === name ? null : against }),
    figures: ({ seconds }) => ({ bySlots, byBusiest, reached: (100 * load.jobs) / seconds / limit }),
  });
}

function contestants(size: Size): Promise<Contestant[]> {
  const keys = pick(size, 1000, 1000, 40);
  const zipf = (jobs: number): Load => ({ jobs: pick(size, jobs, Math.round(jobs / 3), 200), keys, skew: 'zipf', workMs: WORK_MS });
  const even = (jobs: number): Load => ({ jobs: pick(size, jobs, Math.round(jobs / 4), 200), keys, skew: 'even', workMs: WORK_MS });
  const strict = { concurrency: 100, order: 'strict' } as const;
  const fifo = { ...strict, loops: 4, batchSize: 25 };
  const named = { ...strict, batched: true, pollMs: 100 };
  return Promise.all([
    ordered('millrace', { system: 'millrace', load: zipf(8000), settings: strict }),
    ordered('pg-boss key_strict_fifo 4×25', { system: 'pgboss', load: zipf(8000), settings: fifo }),
    ordered('graphile-worker queueName c100', { system: 'graphile', load: zipf(8000), settings: named }),
    ordered('millrace, even keys', { system: 'millrace', load: even(60_000), settings: strict }, 'millrace, even keys'),
    ordered('millrace, even keys, c500', { system: 'millrace', load: even(150_000), settings: { ...strict, concurrency: 500 } }, 'millrace, even keys'),
    ordered('pg-boss key_strict_fifo 4×25, even keys', { system: 'pgboss', load: even(12_000), settings: fifo }, 'millrace, even keys'),
    ordered('graphile-worker queueName c100, even keys', { system: 'graphile', load: even(20_000), settings: named }, 'millrace, even keys'),
  ]);
}

export const orderedScenario: Scenario = {
  name: 'ordered', measures: `a ${WORK_MS} ms handler under strict order per entity: 1,000 entities, the k-th with 1/k of the first's jobs, or all alike`,
  columns: [
    ...drainColumns.slice(0, 4),
    { key: 'bySlots', title: 'slots ÷ work' }, { key: 'byBusiest', title: 'busiest key\'s limit' }, { key: 'reached', title: '% of the lower limit' },
  ],
  subject: 'millrace', compared: 'rate', smoke: ['millrace'], contestants,
  notes: [
    'BullMQ keeps order per key in its Pro version only, which is not measured.',
    `A timer of ${WORK_MS} ms takes a little longer than that, so no system can reach its limit quite.`,
  ],
  seconds: { full: 130, quick: 50, smoke: 15 },
};
