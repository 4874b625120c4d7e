import { readRetryRecord } from '../kafka/envelope.ts';
import type { Admin, Broker } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';

/** The highest lease epoch in each partition of a queue's retry topic. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function readEpochs(broker: Broker, admin: Admin, { main, retry }: QueueTopicNames): Promise<Map<number, number>> {
  const epochs = new Map<number, number>();
  await scanTopic({
    broker, admin, topic: retry,
    visit(partition, record) {
      const read = readRetryRecord(record, main, partition, 0);
      if (read.type === 'lease') epochs.set(partition, Math.max(read.epoch, epochs.get(partition) ?? 0));
    },
  });
  return epochs;
}
