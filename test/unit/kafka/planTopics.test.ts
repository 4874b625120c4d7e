import { expect, test } from 'vitest';
import { createTestMillrace } from 'millrace/testing';
import { applyTopics, planTopics, type TopicChange, type TopicWishes } from '../../../shared/kafka/planTopics.ts';

function onCluster() {
  const { cluster, settle } = createTestMillrace();
  const admin = cluster.broker().createAdmin({ clientId: 'a' });
  return {
    cluster,
    plan: (wishes: Omit<TopicWishes, 'queue'> = {}) => settle(planTopics(admin, { queue: 'q', ...wishes })),
    apply: (changes: readonly TopicChange[]) => settle(applyTopics(admin, changes)),
  };
}

test('makes what is missing with as many partitions as the largest of a queue\'s topics, and then has nothing to do', async () => {
  const { cluster, plan, apply } = onCluster();
  cluster.inspect.createTopic({ name: 'q', partitions: 5 });
  cluster.inspect.createTopic({ name: 'q.dlq', partitions: 2 });
  const changes = await plan();
  expect(changes.filter(({ type }) => type === 'create').map(({ topic }) => topic)).toEqual(['q.retry', 'q.events']);
  expect(changes).toContainEqual({ type: 'add-partitions', topic: 'q.dlq', from: 2, to: 5, risk: null });
  await apply(changes);
  expect(await plan()).toEqual([]);
});

test('leaves alone how long and how large its owner chose, and mends what promises stand on', async () => {
  const { cluster, plan, apply } = onCluster();
  await apply(await plan({ partitions: 2, mainRetentionMs: 3_600_000, maxJobBytes: 5_000_000 }));
  expect(await plan()).toEqual([]);
  cluster.inspect.deleteTopic('q.retry');
  cluster.inspect.createTopic({ name: 'q.retry', partitions: 2, config: { 'cleanup.policy': 'delete' } });
  const changes = await plan();
  expect(changes).toContainEqual({ type: 'set', topic: 'q.retry', setting: 'cleanup.policy', from: 'delete', to: 'compact', risk: null });
  await apply(changes);
  expect(await plan()).toEqual([]);
});

test('says the risk of what may lose something', async () => {
  const { plan, apply } = onCluster();
  await apply(await plan({ partitions: 2 }));
  expect(await plan({ partitions: 3 })).toEqual(['q', 'q.retry', 'q.dlq', 'q.events'].map((topic) => ({ type: 'add-partitions', topic, from: 2, to: 3, risk: expect.stringContaining('entities') as string })));
  expect(await plan({ mainRetentionMs: 1000 })).toMatchObject([{ type: 'set', setting: 'retention.ms', risk: expect.stringContaining('deletes') as string }]);
  expect(await plan({ mainRetentionMs: 1e12 })).toMatchObject([{ type: 'set', setting: 'retention.ms', risk: null }]);
  expect(await plan({ replicationFactor: 3 })).toContainEqual(expect.objectContaining({ type: 'by-hand', topic: 'q', setting: 'replicationFactor' }));
});
