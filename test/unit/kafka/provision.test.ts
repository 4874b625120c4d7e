import { describe, expect, it } from 'vitest';
import type { TopicDeclaration, TopicDescription } from '../../../shared/kafka/port.ts';
import { compareTopic, planMissing, provisionTopics } from '../../../shared/kafka/provision.ts';
import { declareQueueTopics, queueTopicNames } from '../../../shared/kafka/topics.ts';
import { createMemoryCluster, createVirtualClock, seededRandom } from '../../../shared/testing/index.ts';

const queue = declareQueueTopics({ queue: 'orders', partitions: 6, replicationFactor: 3 });
const declared: TopicDeclaration = { name: 't', partitions: 6, replicationFactor: 3, config: { 'cleanup.policy': 'compact,delete', 'retention.ms': '1000' } };
const as = (change: Partial<TopicDescription>): TopicDescription => ({ ...declared, ...change });

describe('declareQueueTopics', () => {
  it('names the four topics of a queue, all with the same number of partitions', () => {
    expect(Object.values(queue).map(({ name }) => name)).toEqual(['orders', 'orders.retry', 'orders.dlq', 'orders.events']);
    expect(queueTopicNames('orders')).toEqual({ main: 'orders', retry: 'orders.retry', dlq: 'orders.dlq', events: 'orders.events' });
    expect(new Set(Object.values(queue).map(({ partitions }) => partitions))).toEqual(new Set([6]));
  });

  it('gives waiting and buried copies room for their headers beyond the largest job', () => {
    const { main, retry, dlq } = declareQueueTopics({ queue: 'q', partitions: 1, replicationFactor: 1, maxJobBytes: 5_000_000 });
    expect(Number(main.config['max.message.bytes'])).toBe(5_000_000);
    for (const copy of [retry, dlq]) expect(Number(copy.config['max.message.bytes'])).toBeGreaterThanOrEqual(5_000_000 + 30_000);
  });

  it('compacts the waiting room only, and not before seven days', () => {
    expect(Object.values(queue).map(({ config }) => config['cleanup.policy'])).toEqual(['delete', 'compact', 'delete', 'delete']);
    expect(queue.retry.config['min.compaction.lag.ms']).toBe(String(7 * 86_400_000));
    expect(queue.retry.config['delete.retention.ms']).toBe(String(7 * 86_400_000));
  });

  it.each([[1, '1'], [2, '1'], [3, '2'], [5, '4']])('with %i replicas asks for acks of %s', (replicationFactor, acks) => {
    expect(declareQueueTopics({ queue: 'q', partitions: 1, replicationFactor }).main.config['min.insync.replicas']).toBe(acks);
  });
});

describe('compareTopic', () => {
  it.each<[string, TopicDescription | null, [string, string, string][]]>([
    ['a topic as declared', as({}), []],
    ['a setting that nobody declared', as({ config: { ...declared.config, 'segment.ms': '5' } }), []],
    ['a list in another order', as({ config: { 'cleanup.policy': 'delete, compact', 'retention.ms': '1000' } }), []],
    ['a number in another spelling', as({ config: { 'cleanup.policy': 'compact,delete', 'retention.ms': '1000.0' } }), []],
    ['another value', as({ config: { 'cleanup.policy': 'compact,delete', 'retention.ms': '1001' } }), [['retention.ms', '1000', '1001']]],
    ['a value that is not told', as({ config: { 'cleanup.policy': 'compact,delete' } }), [['retention.ms', '1000', 'unset']]],
    ['other partitions and replicas', as({ partitions: 12, replicationFactor: 1 }), [['partitions', '6', '12'], ['replicationFactor', '3', '1']]],
    ['no topic at all', null, [['existence', 'exists', 'missing']]],
  ])('reports for %s', (_what, actual, drift) => {
    expect(compareTopic(declared, actual).map(({ setting, declared: wanted, actual: found }) => [setting, wanted, found])).toEqual(drift);
  });
});

describe('planMissing', () => {
  const existing = (...topics: [string, number][]): Map<string, TopicDescription> => new Map(topics.map(([name, partitions]) => [name, { name, partitions, replicationFactor: 3, config: {} }]));

  it('gives missing topics as many partitions as the existing ones have', () => {
    expect(planMissing(Object.values(queue), existing(['orders', 12])).map(({ name, partitions }) => [name, partitions])).toEqual([['orders.retry', 12], ['orders.dlq', 12], ['orders.events', 12]]);
  });

  it('refuses a queue whose topics differ in partitions, and names them', () => {
    expect(() => planMissing(Object.values(queue), existing(['orders', 12], ['orders.retry', 6]))).toThrow(/TOPIC_DRIFT|orders: 12, orders\.retry: 6/);
  });
});

describe('provisionTopics', () => {
  const openAdmin = () => {
    const clock = createVirtualClock(0);
    const admin = createMemoryCluster({ clock, random: seededRandom(1) }).broker().createAdmin({ clientId: 'test' });
    const settle = async <T>(promise: Promise<T>): Promise<T> => {
      let done = false;
      const mark = (): void => { done = true; };
      promise.then(mark, mark);
      await clock.runUntil(() => done, { maxMs: 60_000 });
      return promise;
    };
    return { admin, settle };
  };

  it('creates all topics on a fresh cluster, and finds nothing to do the second time', async () => {
    const { admin, settle } = openAdmin();
    const first = await settle(provisionTopics(admin, [queue]));
    expect(first.created).toEqual(['orders', 'orders.retry', 'orders.dlq', 'orders.events']);
    expect(first.drift).toEqual([]);
    expect(first.maxRecordBytes.get('orders.retry')).toBe(Number(queue.retry.config['max.message.bytes']));
    expect(await settle(provisionTopics(admin, [queue]))).toMatchObject({ created: [], drift: [] });
  });

  it('reports drift, leaves it, and tells the limits that really hold', async () => {
    const { admin, settle } = openAdmin();
    await settle(admin.createTopics([{ ...queue.dlq, partitions: 2, config: { ...queue.dlq.config, 'max.message.bytes': '70000' } }]));
    const { created, drift, maxRecordBytes } = await settle(provisionTopics(admin, [queue]));
    expect(created).toHaveLength(3);
    expect(drift.filter(({ topic }) => topic === 'orders.dlq').map(({ setting, actual }) => [setting, actual])).toEqual([['partitions', '2'], ['max.message.bytes', '70000']]);
    expect(maxRecordBytes.get('orders.dlq')).toBe(70_000);
    expect((await settle(admin.describeTopics(['orders.retry', 'orders.dlq']))).map((topic) => topic?.partitions)).toEqual([2, 2]);
  });

  it('creates nothing for any queue when one has unequal partitions', async () => {
    const { admin, settle } = openAdmin();
    await settle(admin.createTopics([{ ...queue.main, partitions: 3 }, queue.retry]));
    const other = declareQueueTopics({ queue: 'other', partitions: 1, replicationFactor: 1 });
    await expect(settle(provisionTopics(admin, [other, queue]))).rejects.toMatchObject({ code: 'TOPIC_DRIFT' });
    expect(await settle(admin.describeTopics(['other', 'orders.dlq']))).toEqual([null, null]);
  });
});
