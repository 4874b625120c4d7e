import type { CommittedPosition } from '../port.ts';
import { request } from './cluster.ts';
import { errorOfCode } from './failure.ts';
import type { Link } from './link.ts';
import type { OffsetFetchReply } from './replies.ts';

/** What a group has committed, by topic and partition, asked of its coordinator. One attempt. @throws MillraceError BROKER_UNAVAILABLE, BROKER_REFUSED */
export async function readCommitted(link: Link, group: string, topics: readonly string[], partitions: readonly number[]): Promise<Map<string, Map<number, CommittedPosition>>> {
  const found = new Map<string, Map<number, CommittedPosition>>(topics.map((topic) => [topic, new Map()]));
  // To Kafka, no topics at all means every topic.
  if (topics.length === 0 || partitions.length === 0) return found;
  const reply = await request<OffsetFetchReply>(link, 'OffsetFetch', {
    groupId: group,
    topics: topics.map((topic) => ({ topic, partitions: partitions.map((partition) => ({ partition })) })),
  });
  if (reply.errorCode !== 0) throw errorOfCode(reply.errorCode, { at: `positions of ${group}` });
  for (const { topic, partitions: answers } of reply.responses) {
    for (const { partition, offset, metadata, errorCode } of answers) {
      if (errorCode !== 0) throw errorOfCode(errorCode, { at: `position of ${group} in ${topic}/${partition}` });
      if (Number(offset) >= 0) found.get(topic)?.set(partition, { topic, offset: Number(offset), metadata: metadata ?? '' });
    }
  }
  return found;
}
