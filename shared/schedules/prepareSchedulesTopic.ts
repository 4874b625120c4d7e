import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin } from '../kafka/port.ts';
import { DEFAULT_TOPICS, type TopicDefaults } from '../kafka/prepareTopics.ts';
import { declareSchedulesTopic } from './scheduleTopic.ts';

/** Makes the topic of schedules, unless it is there. @throws MillraceError TOPIC_MISSING (with `defaults` false), TOPIC_DRIFT (more than one partition), BROKER_UNAVAILABLE */
export async function prepareSchedulesTopic(admin: Admin, topic: string, defaults: TopicDefaults | false): Promise<void> {
  const [found = null] = await admin.describeTopics([topic]);
  if (found !== null) {
    if (found.partitions === 1) return;
    throw new MillraceError('TOPIC_DRIFT', { at: topic, expected: 'one partition', got: found.partitions });
  }
  if (defaults === false) throw new MillraceError('TOPIC_MISSING', { at: topic, fix: 'Create it, or let millrace do so: option topics' });
  await admin.createTopics([declareSchedulesTopic(topic, (defaults ?? DEFAULT_TOPICS).replicationFactor)]);
}
