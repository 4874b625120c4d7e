import { randomBytes } from 'node:crypto';

/**
 * A name that no other test, run or file uses, legal for topics, queues, groups and subjects: `orders` becomes
 * `orders-3f9c1a2b7d`. The Kafka of a test run is shared, and may be one that outlives the run.
 */
export function uniqueName(base = 't'): string {
  return `${base}-${randomBytes(5).toString('hex')}`;
}
