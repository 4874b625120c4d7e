import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';

/** For the worker process of blockedLoop.test.ts: a handler that keeps the event loop to itself for 4 s, unless its job is good. */
export const block = defineJob({
  kind: 'bench.Job', queue: process.env['BLOCK_QUEUE'] ?? 'block', schema: jobV1, key: () => 'unused',
  handle({ note }) {
    for (const until = performance.now() + (note === 'block' ? 4000 : 0); performance.now() < until; );
  },
});
