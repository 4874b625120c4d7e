import type { Admin } from '../../shared/kafka/port.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';

/** How a queue stands in Kafka. */
export interface QueueState {
  /** Jobs in the main topic. */
  readonly jobs: number;
  /** Those of them that are not committed yet. */
  readonly uncommitted: number;
  /** Records in the dead-letter topic. */
  readonly buried: number;
}

/** Null where the queue has no topics yet. @throws MillraceError BROKER_UNAVAILABLE */
export async function readQueueState(admin: Admin, queue: string, group: string): Promise<QueueState | null> {
  const { main, dlq } = queueTopicNames(queue);
  const described = await admin.describeTopics([main, dlq]);
  if (described.includes(null)) return null;
  const [bounds, committed, letters] = await Promise.all([admin.logBounds(main), admin.committed(group, main), admin.logBounds(dlq)]);
  const position = (partition: number): number | undefined => committed.find((one) => one.partition === partition)?.position?.offset;
  return {
    jobs: bounds.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0),
    uncommitted: bounds.reduce((sum, { partition, startOffset, endOffset }) => sum + endOffset - Math.max(startOffset, position(partition) ?? 0), 0),
    buried: letters.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0),
  };
}
