import type { PartitionCommit } from '../port.ts';

/** Commits as the request orders them: by topic. */
export function commitTopics(commits: readonly PartitionCommit[]): { topic: string; partitions: { partition: number; offset: number; metadata: string }[] }[] {
  const byTopic = new Map<string, { partition: number; offset: number; metadata: string }[]>();
  for (const { partition, positions } of commits) {
    for (const { topic, offset, metadata } of positions) {
      const list = byTopic.get(topic) ?? [];
      byTopic.set(topic, list);
      list.push({ partition, offset, metadata });
    }
  }
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }));
}
