import { jobV1 } from '../../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../../shared/jobs/defineJob.ts';

/** For the worker process of strayPromise.test.ts: a job that is done, and leaves a promise behind that nobody waits for, and that fails. */
export const stray = defineJob({ kind: 'bench.Job', queue: process.env['STRAY_QUEUE'] ?? 'stray', schema: jobV1, key: () => 'unused', handle() {
  void new Promise((_, reject) => { setTimeout(() => { reject(new Error('nobody waits for me')); }, 10); });
} });
