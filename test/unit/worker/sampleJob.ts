import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';

export { jobV1 };

/** A payload of the bench schema; `sequence` and `note` are what tests tell jobs apart by. */
export function sampleJob(sequence: number, note = 'e'): JobV1 {
  return {
    orderId: `order-${sequence}`, customer: 'c', email: 'c@example.org', city: 'Oslo', createdAt: 0, sequence, amount: 1.5, currency: 'EUR',
    priority: 1, express: false, note, lines: [], tags: [],
  };
}
