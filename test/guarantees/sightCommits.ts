import { decodeSettled } from '../../shared/engine/commitMetadata.ts';
import { readRetryRecord } from '../../shared/kafka/envelope.ts';
import type { Admin, Broker } from '../../shared/kafka/port.ts';
import { scanTopic } from '../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import type { CommitSight } from './history.ts';

/** Reads what is committed, then which jobs have waited, then (`countLines`) how far the witness is. */
export async function sightCommits(broker: Broker, admin: Admin, queue: string, countLines: () => number): Promise<CommitSight> {
  const topics = queueTopicNames(queue);
  const settled = new Map<number, { offset: number; above: ReadonlySet<number> }>();
  for (const { partition, position } of await admin.committed(`millrace.${queue}`, topics.main)) {
    if (position !== null) settled.set(partition, { offset: position.offset, above: decodeSettled(position.offset, position.metadata) });
  }
  const waited = new Set<string>();
  await scanTopic({
    broker, admin, topic: topics.retry,
    visit: (partition, record) => {
      const read = readRetryRecord(record, topics.main, partition, Date.now());
      if (read.type === 'wait') waited.add(`${partition}/${read.job.origin.offset}`);
    },
  });
  return { settled, waited, lines: countLines() };
}
