import { describe, expect, test } from 'vitest';
import { judgeSkew } from '../../../shared/doctor/checkClock.ts';
import { checkNode } from '../../../shared/doctor/checkNode.ts';
import { judgeProtocol } from '../../../shared/doctor/checkProtocol.ts';
import { judgeQueue, type QueueReading } from '../../../shared/doctor/checkQueue.ts';
import type { TopicChange } from '../../../shared/kafka/planTopics.ts';

const healthy: QueueReading = {
  queue: 'q', changes: [], replicationFactor: 3, retentionMs: 86_400_000, partitions: 2, members: 1, owned: [0, 1], lag: 5, olderThanHalf: [], olderThanMost: [], lost: [], shorter: [],
};
const set = (setting: string, from: string, to: string): TopicChange => ({ type: 'set', topic: 'q.retry', setting, from, to, risk: null });
const levels = (part: Partial<QueueReading>): Record<string, string> => Object.fromEntries(judgeQueue({ ...healthy, ...part }).map(({ check, level }) => [check.slice(3), level]));

describe('the doctor', () => {
  test('finds nothing wrong with a healthy queue', () => {
    expect(levels({})).toEqual({ topics: 'ok', replicas: 'ok', workers: 'ok', backlog: 'ok' });
  });

  test.each<[string, Partial<QueueReading>, Record<string, string>]>([
    ['a missing topic', { changes: [{ type: 'create', topic: 'q.dlq', declaration: { name: 'q.dlq', partitions: 1, replicationFactor: 1, config: {} }, risk: null }] }, { topics: 'fail' }],
    ['unequal partitions', { changes: [{ type: 'add-partitions', topic: 'q.dlq', from: 1, to: 2, risk: null }] }, { topics: 'fail' }],
    ['a waiting room that is compacted too soon', { changes: [set('min.compaction.lag.ms', '0', '604800000')] }, { topics: 'fail' }],
    ['a waiting room that is deleted by time', { changes: [set('cleanup.policy', 'delete', 'compact')] }, { topics: 'fail' }],
    ['too few in-sync replicas', { changes: [set('min.insync.replicas', '1', '2')] }, { topics: 'warn' }],
    ['more than what is declared', { changes: [set('delete.retention.ms', '999999999', '604800000')] }, { topics: 'ok' }],
    ['one replica', { replicationFactor: 1 }, { replicas: 'warn' }],
    ['nobody at work, and nothing to do', { members: 0, owned: [], lag: 0 }, { workers: 'warn' }],
    ['nobody at work, and work to do', { members: 0, owned: [] }, { workers: 'fail' }],
    ['a partition without an owner', { owned: [1] }, { workers: 'warn' }],
    ['a backlog as old as half of what is kept', { olderThanHalf: [1] }, { backlog: 'warn' }],
    ['a backlog that is about to be deleted', { olderThanHalf: [1], olderThanMost: [1] }, { backlog: 'fail' }],
    ['a topic that was made anew', { shorter: [1] }, { backlog: 'fail' }],
    ['jobs that Kafka deleted before they ran', { lost: [0] }, { backlog: 'fail' }],
  ])('tells %s', (_what, part, expected) => {
    expect(levels(part)).toMatchObject(expected);
    expect(judgeQueue({ ...healthy, ...part }).every(({ level, fix }) => level === 'ok' || (fix ?? '') !== '')).toBe(true);
  });

  test('names each broker that is of a version which does not understand us, or cannot be asked', () => {
    const broker = (id: number) => ({ id, address: `host-${id}:9092` });
    expect(judgeProtocol([{ broker: broker(1), gaps: [] }, { broker: broker(2), gaps: [] }])).toMatchObject([{ level: 'ok' }]);
    expect(judgeProtocol([{ broker: broker(1), gaps: [] }, { broker: broker(2), gaps: ['Fetch v11 (it takes v0 to v8)'] }, { broker: broker(3), gaps: null }])).toMatchObject([
      { level: 'fail', says: 'host-2:9092 does not take Fetch v11 (it takes v0 to v8)' }, { level: 'warn', says: 'host-3:9092 does not answer' },
    ]);
  });

  test('judges clocks by how far the broker\'s stamp lies outside of what it took to ask', () => {
    expect(judgeSkew(1500, 1000, 2000).level).toBe('ok');
    expect(judgeSkew(5000, 1000, 2000)).toMatchObject({ level: 'warn', says: 'the broker\'s is 3000 ms ahead' });
    expect(judgeSkew(1000, 61_000, 62_000)).toMatchObject({ level: 'fail', says: 'the broker\'s is 60000 ms behind' });
  });

  test('knows which Node is too old', () => {
    expect(['v20.9.0', 'v22.14.0', 'v22.15.0', 'v26.10.0'].map((version) => checkNode(version).level)).toEqual(['fail', 'fail', 'ok', 'ok']);
  });
});
