import { MillraceError } from '../errors/MillraceError.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Admin } from './port.ts';
import { provisionTopics } from './provision.ts';
import { declareQueueTopics } from './topics.ts';

/** How a queue's topics are made where they are missing. */
export interface TopicDefaults {
  /** Of each topic of a queue. Choose amply: adding some later ends the order between old and new jobs of an entity. */
  readonly partitions: number;
  /** 1 on a single broker; production wants 3. */
  readonly replicationFactor: number;
}

export const DEFAULT_TOPICS: TopicDefaults = { partitions: 6, replicationFactor: 1 };

/**
 * Makes a service's topics ready: creates what is missing (unless `defaults` is false), says in the log what differs from the declaration.
 * @returns by topic, the largest record that it takes
 * @throws MillraceError TOPIC_MISSING (with `defaults` false), TOPIC_DRIFT (unequal partition numbers), BROKER_UNAVAILABLE
 */
export async function prepareTopics(admin: Admin, queues: readonly string[], defaults: TopicDefaults | false, logger: Logger): Promise<ReadonlyMap<string, number>> {
  const { partitions, replicationFactor } = defaults === false ? DEFAULT_TOPICS : defaults;
  const declared = queues.map((queue) => declareQueueTopics({ queue, partitions, replicationFactor }));
  if (defaults === false) await requireTopics(admin, declared.flatMap((topics) => Object.values(topics).map(({ name }) => name)));
  const { created, drift, maxRecordBytes } = await provisionTopics(admin, declared);
  if (created.length > 0) logger.info({ topics: created }, 'topics created');
  for (const one of drift) logger.warn({ ...one }, 'a topic is not as declared; it was left as it is');
  return maxRecordBytes;
}

async function requireTopics(admin: Admin, names: readonly string[]): Promise<void> {
  const found = await admin.describeTopics(names);
  const missing = names.filter((_, index) => found[index] === null);
  if (missing.length > 0) throw new MillraceError('TOPIC_MISSING', { at: missing.join(', '), fix: 'Create it, or let millrace do so: option topics' });
}
