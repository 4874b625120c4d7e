import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../shared/jobs/defineJob.ts';

export const KEYS = 1000;

/** About 240 bytes framed; deterministic, so that every run moves the same bytes. */
export function benchPayload(sequence: number): JobV1 {
  const key = sequence % KEYS;
  return {
    orderId: `order-${String(sequence).padStart(8, '0')}`,
    customer: `customer-${String(key).padStart(5, '0')}`,
    email: `customer-${key}@example.org`,
    city: 'Reykjavik',
    createdAt: 1_780_000_000_000 + sequence,
    sequence,
    amount: 12.5 + (sequence % 1000),
    currency: 'EUR',
    priority: sequence % 5,
    express: sequence % 7 === 0,
    note: 'leave at the door, ring twice',
    lines: [
      { sku: 'sku-100200', quantity: 2, price: 4.25 },
      { sku: 'sku-100300', quantity: 1, price: 4 },
    ],
    tags: ['first-order', 'newsletter'],
  };
}

/** The measured kind: strict order, retried if it failed. `workMs` 0: a handler that returns at once. */
export function benchJob(queue: string, workMs: number, onEnd: (payload: JobV1) => void) {
  return defineJob({
    kind: 'bench.order',
    queue,
    schema: jobV1,
    key: (payload: JobV1) => payload.customer,
    handle: (payload: JobV1) => {
      if (workMs === 0) {
        onEnd(payload);
        return undefined;
      }
      return new Promise<void>((resolve) => {
        setTimeout(() => {
          onEnd(payload);
          resolve();
        }, workMs);
      });
    },
  });
}
