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
  const [starts, ends] = await listOffsets(cluster, topic, partitions, [EARLIEST, LATEST]);
  return new Map(partitions.map((partition) => [partition, { startOffset: starts?.get(partition) ?? 0, endOffset: ends?.get(partition) ?? 0 }]));
}

/** By partition: the first offset whose record is not older than `timeMs`; −1 where there is none. As {@link readLogBounds} otherwise. */
export async function readOffsetsAt(cluster: Cluster, topic: string, partitions: readonly number[], timeMs: number): Promise<Map<number, number>> {
  const [found] = await listOffsets(cluster, topic, partitions, [Math.max(0, Math.trunc(timeMs))]);
  return found ?? new Map<number, number>();
}

/** One answer for each timestamp. */
async function listOffsets(cluster: Cluster, topic: string, partitions: readonly number[], timestamps: readonly number[]): Promise<Map<number, number>[]> {
  const byLeader = new Map<number, number[]>();
  const view = cluster.topic(topic);
  if (view === undefined) throw new MillraceError('TOPIC_MISSING', { at: topic });
  for (const partition of partitions) {
    const leader = view.leaders.get(partition);
    if (leader === undefined) throw new MillraceError('BROKER_UNAVAILABLE', { at: `${topic}/${partition}`, got: 'a partition without a leader' });
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const answers = timestamps.map(() => new Map<number, number>());
  await Promise.all([...byLeader].map(async ([leader, ours]) => {
    const link = await cluster.link(leader, 'control');
    await Promise.all(timestamps.map(async (timestamp, index) => {
      const reply = await request<ListOffsetsReply>(link, 'ListOffsets', { isolationLevel: READ_COMMITTED, topics: [{ topic, partitions: ours.map((partition) => ({ partition, timestamp })) }] });
      for (const { partition, errorCode, offset } of reply.responses.flatMap((response) => response.partitions)) {
        if (errorCode !== 0) throw errorOfCode(errorCode, { at: `${topic}/${partition}` });
        answers[index]?.set(partition, Number(offset));
      }
    }));
  }));
  return answers;
}
