import type { Grant } from '../engine/partition.ts';
import type { Admin, CommittedPosition, PartitionGrant } from '../kafka/port.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';

interface Bounds {
  readonly startOffset: number;
  readonly endOffset: number;
}

function toGrant(partition: number, main: CommittedPosition | null, mainLog: Bounds, retry: CommittedPosition | null, retryLog: Bounds): Grant {
  return {
    partition,
    main: { committed: main, startOffset: mainLog.startOffset },
    retry: { committed: retry, startOffset: retryLog.startOffset, endOffset: retryLog.endOffset },
  };
}

/** What the group granted, as the engine takes it; null if it tells nothing of the queue's topics. */
export function grantOf({ partition, committed, log }: PartitionGrant, topics: QueueTopicNames): Grant | null {
  const main = log[topics.main];
  const retry = log[topics.retry];
  if (main === undefined || retry === undefined) return null;
  return toGrant(partition, committed[topics.main] ?? null, main, committed[topics.retry] ?? null, retry);
}

/** Reads anew what a grant says, for a partition that is owned already. @throws MillraceError BROKER_UNAVAILABLE, TOPIC_MISSING */
export async function readGrant(admin: Admin, group: string, topics: QueueTopicNames, partition: number): Promise<Grant> {
  const [main, mainLog, retry, retryLog] = await Promise.all([
    admin.committed(group, topics.main), admin.logBounds(topics.main), admin.committed(group, topics.retry), admin.logBounds(topics.retry),
  ]);
  const of = <T extends { readonly partition: number }>(list: readonly T[]): T | undefined => list.find((one) => one.partition === partition);
  const nothing = { startOffset: 0, endOffset: 0 };
  return toGrant(partition, of(main)?.position ?? null, of(mainLog) ?? nothing, of(retry)?.position ?? null, of(retryLog) ?? nothing);
}
