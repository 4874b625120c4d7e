import type { CommittedPosition, FetchedRecord, OutgoingRecord, TopicDeclaration } from '../port.ts';
import type { GroupDescription } from './group.ts';
import type { Watcher, World } from './world.ts';

/** Looks at and changes the cluster directly: at once, with no latency and no faults. */
export interface Inspect {
  createTopic(topic: Pick<TopicDeclaration, 'name' | 'partitions'> & Partial<TopicDeclaration>): void;
  deleteTopic(name: string): void;
  /** Everything that is in a topic-partition now. The cluster's own records: do not write into them. @throws TOPIC_MISSING */
  records(topic: string, partition: number): readonly FetchedRecord[];
  /** The same, of all partitions, partition by partition. */
  allRecords(topic: string): readonly (FetchedRecord & { readonly partition: number })[];
  bounds(topic: string, partition: number): { readonly startOffset: number; readonly endOffset: number };
  /** Appends without a producer; returns the first offset. */
  append(topic: string, partition: number, records: readonly OutgoingRecord[]): number;
  /** Uses up offsets without records, as control records do. */
  skipOffsets(topic: string, partition: number, count: number): void;
  committed(group: string, topic: string, partition: number): CommittedPosition | null;
  group(name: string): GroupDescription;
  /** One pass of the log cleaner; honours `min.compaction.lag.ms` and `delete.retention.ms`. Does nothing to a topic that is not compacted. */
  compact(topic: string): void;
  /** One pass of retention: what is older than `retention.ms` goes, from the start on. */
  expire(topic: string): void;
  /** Moves the log's start up, as `kafka-delete-records` does. */
  deleteRecords(topic: string, partition: number, beforeOffset: number): void;
  /** Tells of each append and commit as the cluster takes it. Returns how to stop. */
  watch(watcher: Watcher): () => void;
}

export function createInspect(world: World, deleteTopic: (name: string) => void): Inspect {
  const { topics, clock } = world;
  return {
    createTopic: (topic) => { topics.create({ replicationFactor: 1, config: {}, ...topic }); },
    deleteTopic,
    records: (topic, partition) => topics.log(topic, partition).all(),
    allRecords: (topic) => topics.get(topic).logs.flatMap((log, partition) => log.all().map((record) => ({ ...record, partition }))),
    bounds(topic, partition) {
      const log = topics.log(topic, partition);
      return { startOffset: log.startOffset(), endOffset: log.endOffset() };
    },
    append: (topic, partition, records) => topics.log(topic, partition).append(records, clock.now()),
    skipOffsets: (topic, partition, count) => { topics.log(topic, partition).skipOffsets(count); },
    committed: (group, topic, partition) => world.group(group).committed(topic, partition),
    group: (name) => world.group(name).describe(),
    compact(name) {
      const topic = topics.get(name);
      if (!topic.compacted) return;
      const rules = { nowMs: clock.now(), minLagMs: topic.limit('min.compaction.lag.ms'), deleteRetentionMs: topic.limit('delete.retention.ms') };
      for (const log of topic.logs) log.compact(rules);
    },
    expire(name) {
      const topic = topics.get(name);
      const retentionMs = topic.limit('retention.ms');
      if (!topic.expiring || retentionMs < 0) return;
      for (const log of topic.logs) log.deleteBefore(log.all().find((record) => record.timestampMs >= clock.now() - retentionMs)?.offset ?? log.endOffset());
    },
    deleteRecords: (topic, partition, beforeOffset) => { topics.log(topic, partition).deleteBefore(beforeOffset); },
    watch(watcher) {
      world.watchers.add(watcher);
      return () => { world.watchers.delete(watcher); };
    },
  };
}
