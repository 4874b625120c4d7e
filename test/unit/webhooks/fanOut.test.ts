import { expect, test } from 'vitest';
import type { Completion } from '../../../shared/webhooks/completion.ts';
import { fanOut, type Delivery } from '../../../shared/webhooks/fanOut.ts';
import type { Subscription } from '../../../shared/webhooks/subscription.ts';

const NOW = Date.UTC(2026, 0, 2);
const endOf = (place: number, result = '{}'): Completion => ({
  queue: 'billing', partition: 0, place, state: 'done',
  fact: {
    type: 'event', partition: 0, place, event: 'done', id: `job-${place}`, kind: 'order.charge', key: null, attempt: 1, atMs: NOW, worker: 'w', epoch: 1, reason: null, dueMs: null, error: null,
    progress: null, note: null, result,
  },
});
const subscriptions = (count: number): Subscription[] => Array.from({ length: count }, (_, n) => ({
  id: `sub_${n}`, url: 'https://example.org/', secret: 'whsec_', description: '', queues: [], kinds: n % 10 === 0 ? ['another.kind'] : [], states: [], createdMs: 0, disabledMs: null, disabledReason: null,
}));

test('tells all who are to be told of each end, in slices of at most a thousand', () => {
  const slices = [...fanOut(Array.from({ length: 7 }, (_, place) => endOf(place)), subscriptions(1000))];
  expect(slices.map(({ length }) => length)).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 300]);
  expect(new Set(slices.flat().map(({ id }) => id)).size).toBe(6300);
  expect([...fanOut([endOf(1)], subscriptions(1))]).toEqual([]);
});

test('makes slices smaller where bodies are large, and nothing before it is asked for', () => {
  const large = Array.from({ length: 400 }, (_, place) => endOf(place, JSON.stringify('x'.repeat(64 * 1024))));
  const made = fanOut(large, subscriptions(1000));
  const before = process.memoryUsage().heapUsed;
  let deliveries = 0;
  for (let slice = made.next(); slice.done !== true && deliveries < 10_000; slice = made.next()) {
    expect(slice.value.reduce((chars, { body }) => chars + body.length, 0)).toBeLessThan(4.1 * 1024 * 1024);
    deliveries += slice.value.length;
  }
  expect(deliveries).toBeGreaterThanOrEqual(10_000);
  // All of them at once would be 23 GB as jobs.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
});

test('killed between any two slices and begun anew, tells each once more under the same id, and leaves none out', () => {
  const ends = Array.from({ length: 5 }, (_, place) => endOf(place));
  const whole = [...fanOut(ends, subscriptions(700))];
  for (let killedAfter = 0; killedAfter <= whole.length; killedAfter++) {
    const told = new Map<string, Delivery>();
    const tell = (slices: Iterable<Delivery[]>, most: number): void => {
      let count = 0;
      for (const slice of slices) {
        if (count++ === most) return;
        for (const delivery of slice) {
          expect(told.get(delivery.id) ?? delivery).toEqual(delivery);
          told.set(delivery.id, delivery);
        }
      }
    };
    tell(fanOut(ends, subscriptions(700)), killedAfter);
    tell(fanOut(ends, subscriptions(700)), Infinity);
    expect(told.size).toBe(5 * 630);
  }
});
