import { pick, type Scenario, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { perfConsumer } from './kafkaPerf.ts';
import { drainColumns, drainContestant } from './drainContestant.ts';

const KEYS = 1000;
const noop = (size: Size, full: number): Load => ({ jobs: pick(size, full, Math.round(full / 5), 300), keys: size === 'smoke' ? 50 : KEYS, skew: 'even', workMs: 0 });

/** Peers' settings are those with which they were fastest here: see bench/README.md. */
export const drainScenario: Scenario = {
  name: 'drain',
  measures: 'a preloaded queue of no-op jobs of 1,000 entities is worked off, by one process and by two',
  columns: drainColumns, subject: 'millrace', compared: 'rate',
  smoke: ['millrace', 'raw KafkaJS loop (the limit)', 'BullMQ c50', 'graphile-worker batched c24', 'pg-boss 4×500'],
  contestants: (size) => Promise.all([
    drainContestant('millrace', { system: 'millrace', load: noop(size, 2_000_000), settings: { concurrency: 100, order: 'strict' } }),
    drainContestant('raw KafkaJS loop (the limit)', { system: 'raw', load: noop(size, 2_000_000), settings: { concurrency: 1, order: 'strict' } }),
    Promise.resolve(perfConsumer(size, 'millrace')),
    drainContestant('BullMQ c50', { system: 'bullmq', load: noop(size, 80_000), settings: { concurrency: 50, order: 'none' } }),
    drainContestant('BullMQ c200', { system: 'bullmq', load: noop(size, 80_000), settings: { concurrency: 200, order: 'none' } }),
    drainContestant('BullMQ, AOF c50', { system: 'bullmq-aof', load: noop(size, 60_000), settings: { concurrency: 50, order: 'none' } }),
    drainContestant('graphile-worker c24', { system: 'graphile', load: noop(size, 12_000), settings: { concurrency: 24, order: 'none' } }),
    drainContestant('graphile-worker batched c24', { system: 'graphile', load: noop(size, 150_000), settings: { concurrency: 24, order: 'none', batched: true } }),
    drainContestant('pg-boss 4×500', { system: 'pgboss', load: noop(size, 120_000), settings: { concurrency: 2000, loops: 4, batchSize: 500, order: 'none' } }),
    drainContestant('pg-boss key_strict_fifo 4×100', { system: 'pgboss', load: noop(size, 15_000), settings: { concurrency: 400, loops: 4, batchSize: 100, order: 'strict' } }),
    drainContestant('graphile-worker queueName', { system: 'graphile', load: noop(size, 20_000), settings: { concurrency: 24, order: 'strict', batched: true, pollMs: 100 } }),
    drainContestant('millrace × 2', { system: 'millrace', load: noop(size, 1_200_000), settings: { concurrency: 100, order: 'strict' }, workers: 2 }, { against: null }),
    drainContestant('BullMQ c50 × 2', { system: 'bullmq', load: noop(size, 100_000), settings: { concurrency: 50, order: 'none' }, workers: 2 }, { against: 'millrace × 2' }),
    drainContestant('graphile-worker batched c24 × 2', { system: 'graphile', load: noop(size, 250_000), settings: { concurrency: 24, order: 'none', batched: true }, workers: 2 }, { against: 'millrace × 2' }),
    drainContestant('pg-boss 4×500 × 2', { system: 'pgboss', load: noop(size, 150_000), settings: { concurrency: 2000, loops: 4, batchSize: 500, order: 'none' }, workers: 2 }, { against: 'millrace × 2' }),
  ]),
  goals: [
    { text: 'at least 6 × BullMQ\'s best', contestant: 'millrace', column: 'rate', over: ['BullMQ c50', 'BullMQ c200'], atLeast: 6 },
    { text: 'at least 2.5 × graphile-worker\'s best batched setting', contestant: 'millrace', column: 'rate', over: ['graphile-worker batched c24'], atLeast: 2.5 },
    { text: 'at least half of the raw loop', contestant: 'millrace', column: 'rate', over: ['raw KafkaJS loop (the limit)'], atLeast: 0.5 },
    { text: 'at least 20 × the fastest peer that keeps order per key', contestant: 'millrace', column: 'rate', over: ['pg-boss key_strict_fifo 4×100', 'graphile-worker queueName'], atLeast: 20 },
    {
      text: 'CPU per job, worker and server, below the best peer\'s', contestant: 'millrace', column: 'micros', better: 'lower', atMost: 1,
      over: ['BullMQ c50', 'BullMQ c200', 'graphile-worker batched c24', 'pg-boss 4×500'],
    },
  ],
  notes: [
    'The clock runs from the first handler\'s start until the server has recorded the last job\'s end (millrace: committed, events acked).',
    'With two processes the clock starts when the second has begun, and only what ended after that counts.',
  ],
  seconds: { full: 230, quick: 60, smoke: 25 },
};
