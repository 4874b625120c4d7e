import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';

export const KEYS = 1000;

/** About 240 bytes framed as Avro, and 400 as JSON; deterministic, so that every run moves the same bytes. */
export function benchPayload(sequence: number, key = sequence % KEYS, extraBytes = 0): JobV1 {
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
    note: extraBytes === 0 ? 'leave at the door, ring twice' : filler(sequence, extraBytes),
    lines: [
      { sku: 'sku-100200', quantity: 2, price: 4.25 },
      { sku: 'sku-100300', quantity: 1, price: 4 },
    ],
    tags: ['first-order', 'newsletter'],
  };
}

const WORDS = ['leave', 'at the door,', 'ring twice,', 'mind the dog,', 'third floor,', 'left,', 'behind the shed,', 'thank you,'];
let long = '';

/** Text that compresses as text does, not as one letter repeated. */
function filler(sequence: number, bytes: number): string {
  for (let place = long.length; long.length < bytes + 64; place++) long += `${WORDS[(place * 7 + (place >> 3)) % WORDS.length]} ${(place * 2_654_435_761 % 9973).toString(36)} `;
  const from = sequence % 64;
  return long.slice(from, from + bytes);
}
