import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../shared/jobs/defineJob.ts';

/** The kind that doors and the outbox take: strict order, and a handler that returns at once. */
export function benchJob(queue: string) {
  return defineJob({ kind: 'bench.order', queue, schema: jobV1, key: (payload: JobV1) => payload.customer, handle: () => undefined });
}
