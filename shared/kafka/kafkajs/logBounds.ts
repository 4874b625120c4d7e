import { MillraceError } from '../../errors/MillraceError.ts';
import { request, type Cluster } from './cluster.ts';
import { errorOfCode } from './failure.ts';
import type { ListOffsetsReply } from './replies.ts';

export interface LogBounds { readonly startOffset: number; readonly endOffset: number }

const EARLIEST = -2;
const LATEST = -1;
const READ_COMMITTED = 1;

/**
 * First offset, and the offset after the last that can be read (open transactions of others end it early), asked of the leaders.
 * One attempt. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE, BROKER_REFUSED
 */
export async function readLogBounds(cluster: Cluster, topic: string, partitions: readonly number[]): Promise<Map<number, LogBounds>> {
  const byLeader = new Map<number, number[]>();
  const view = cluster.topic(topic);
  if (view === undefined) throw new MillraceError('TOPIC_MISSING', { at: topic });
  for (const partition of partitions) {
    const leader = view.leaders.get(partition);
    if (leader === undefined) throw new MillraceError('BROKER_UNAVAILABLE', { at: `${topic}/${partition}`, got: 'a partition without a leader' });
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const bounds = new Map<number, LogBounds>();
  await Promise.all([...byLeader].map(async ([leader, ours]) => {
    const link = await cluster.link(leader, 'control');
    const ask = async (timestamp: number): Promise<Map<number, number>> => {
      const reply = await request<ListOffsetsReply>(link, 'ListOffsets', { isolationLevel: READ_COMMITTED, topics: [{ topic, partitions: ours.map((partition) => ({ partition, timestamp })) }] });
      const found = new Map<number, number>();
      for (const { partition, errorCode, offset } of reply.responses.flatMap((response) => response.partitions)) {
        if (errorCode !== 0) throw errorOfCode(errorCode, { at: `${topic}/${partition}` });
        found.set(partition, Number(offset));
      }
      return found;
    };
    const [starts, ends] = await Promise.all([ask(EARLIEST), ask(LATEST)]);
    for (const partition of ours) bounds.set(partition, { startOffset: starts.get(partition) ?? 0, endOffset: ends.get(partition) ?? 0 });
  }));
  return bounds;
}
