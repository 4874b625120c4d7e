import type { Codec } from '../avro/codec.ts';
import { decodeSettled } from '../engine/commitMetadata.ts';
import { Engine } from '../engine/engine.ts';
import { defaultLimits } from '../engine/engineOptions.ts';
import type { Job } from '../engine/job.ts';
import type { Admin, Broker, FetchedRecord } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';
import { readGrant } from '../worker/readGrant.ts';
import { readRoomRecord } from '../worker/readRecords.ts';

/** What a queue's next owner of a partition would find. */
export interface Standing {
  readonly partition: number;
  /** Bounds of the main topic. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** All below is settled. */
  readonly committed: number;
  /** The commit as it stands; null: there is none. */
  readonly commit: { readonly offset: number; readonly metadata: string } | null;
  /** Main offsets above that the commit calls settled. */
  readonly settledAbove: ReadonlySet<number>;
  /** Main offsets of the jobs in the waiting room. */
  readonly waiting: ReadonlySet<number>;
  /** Main offsets that tombstones in the part of the retry topic that is restored call settled, from `least` on. */
  readonly tombstoned: ReadonlySet<number>;
  /** The epoch in force, and where the retry topic ends. */
  readonly epoch: number;
  readonly retryEnd: number;
  /** The retry topic ends before what the group has committed of it: it was made anew. From here on it is to be read; null: it is as it should be. */
  readonly retryAnewFrom: number | null;
  /** Record keys of waiting jobs. */
  readonly takenKeys: ReadonlySet<string>;
}

/**
 * Restores each partition's waiting room as its next owner would, with the engine itself, and reads what it then knows.
 * @param least by partition: from which main offset on tombstones are asked for @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function readStanding(broker: Broker, admin: Admin, codec: Codec, group: string, topics: QueueTopicNames, least: (partition: number, committed: number) => number, nowMs: number): Promise<Standing[]> {
  const bounds = await admin.logBounds(topics.main);
  const commits = await admin.committed(group, topics.main);
  const context = { topic: topics.main, policies: new Map(), codec };
  const engine = new Engine<FetchedRecord>({ limits: defaultLimits, workerId: 'move-offsets', policies: context.policies, random: () => 0.5, recordBytes: () => 0, retain: forgetBody, release: () => undefined, hasValue: () => true, parse: () => null, sizeOf: () => 0 });
  const ranges = new Map<number, { readonly from: number; readonly to: number }>();
  const found = await Promise.all(bounds.map(async (bound) => {
    const { partition, startOffset } = bound;
    const grant = await readGrant(admin, group, topics, partition);
    const commit = commits.find((one) => one.partition === partition)?.position ?? null;
    const committed = Math.max(commit?.offset ?? 0, startOffset);
    const isAnew = (grant.retry.committed?.offset ?? 0) > grant.retry.endOffset;
    const retry = isAnew ? { ...grant.retry, committed: null } : grant.retry;
    engine.assigned({ partition, retry, main: { startOffset: 0, committed: { offset: Math.min(committed, least(partition, committed)), metadata: 'm1' } } }, nowMs);
    ranges.set(partition, { from: Math.max(retry.committed?.offset ?? 0, retry.startOffset), to: retry.endOffset });
    return { ...bound, commit, committed, retryEnd: retry.endOffset, retryAnewFrom: isAnew ? retry.startOffset : null };
  }));
  await scanTopic({
    broker, admin, topic: topics.retry, ranges,
    visit(partition, record) { engine.fetchedRetry(partition, [readRoomRecord(context, record, partition, nowMs)], record.offset + 1, nowMs); },
  });
  return found.map(({ partition, startOffset, endOffset, commit, committed, retryEnd, retryAnewFrom }) => {
    const read = engine.partitions.get(partition);
    return {
      partition, startOffset, endOffset, committed, retryEnd, retryAnewFrom, commit: commit === null ? null : { offset: commit.offset, metadata: commit.metadata },
      settledAbove: commit === null ? new Set<number>() : decodeSettled(commit.offset, commit.metadata),
      waiting: new Set(read?.room.keys()), tombstoned: new Set(read?.tombstoned), epoch: read?.log.epoch ?? 0, takenKeys: new Set(read?.roomKeys.keys()),
    };
  });
}

/** Only what waits counts here, not what it carries. */
function forgetBody(job: Job): void {
  job.value = null;
  job.headers = undefined;
}
