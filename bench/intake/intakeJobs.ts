import { benchJob } from '../jobs/benchJob.ts';

/** What the measured intake takes; the queue's name comes by the environment, so that each run has its own. */
export const job = benchJob(process.env['BENCH_QUEUE'] ?? 'bench-intake');
