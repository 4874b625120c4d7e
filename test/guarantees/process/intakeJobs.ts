import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';

/** One kind of a queue of the test's own: with the handler where it runs, and with none to speak of at the door. */
export function countedJob(queue: string, ran: (id: string, payload: JobV1) => void) {
  return defineJob({ kind: 'order.charge', queue, schema: jobV1, key: ({ customer }: JobV1) => customer, handle: (payload, { id }) => { ran(id, payload); } });
}

export const atTheDoor = countedJob(process.env['INTAKE_TEST_QUEUE'] ?? 'intake-test', () => undefined);
