import { exit } from 'node:process';
import { jobV1 } from '../../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../../shared/jobs/defineJob.ts';

/** For the worker process of processExit.test.ts: a handler that would end it, in one way or the other, unless its job is good. */
export const leave = defineJob({
  kind: 'bench.Job', queue: process.env['EXIT_QUEUE'] ?? 'exit', schema: jobV1, key: () => 'unused', retry: { attempts: 2, backoff: { first: '10ms' } },
  async handle({ note }) {
    if (note === 'process.exit') process.exit(0);
    if (note === 'exit') exit(3);
    if (note === 'later') {
      await new Promise((resolve) => { setTimeout(resolve, 5); });
      process.exit(1);
    }
  },
});
