import { describe, expect, it } from 'vitest';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

describe('a scan of a topic', () => {
  const broker = createMemoryCluster({ clock: systemClock, random: Math.random }).broker();
  const admin = broker.createAdmin({ clientId: 'test' });
  const fill = async (topic: string, records: number): Promise<void> => {
    await admin.createTopics([{ name: topic, partitions: 3, replicationFactor: 1, config: {} }]);
    const producer = broker.createProducer({ clientId: 'test' });
    await producer.start();
    for (const partition of [0, 1]) await producer.send(topic, partition, Array.from({ length: records }, (_, index) => ({ key: null, value: Buffer.alloc(2000, index % 250) })));
    await producer.close();
  };
  const visited = async (topic: string, only?: ReadonlyMap<number, readonly number[]>): Promise<string[]> => {
    const places: string[] = [];
    await scanTopic({ broker, admin, topic, visit: (partition, { offset }) => { places.push(`${partition}/${offset}`); }, ...(only === undefined ? {} : { only }) });
    return places.toSorted();
  };

  it('visits each record once, of every partition that has some', async () => {
    await fill('all', 40);
    const places = await visited('all');
    expect(places).toHaveLength(80);
    expect(new Set(places).size).toBe(80);
  });

  it('visits the wanted ones alone, near and far apart, and waits for none that is not there', async () => {
    await fill('some', 3000);
    expect(await visited('some', new Map([[0, [2999, 3, 4, 1500, 9000]], [1, [0]], [2, [0]], [7, [1]]]))).toEqual(['0/1500', '0/2999', '0/3', '0/4', '1/0']);
    expect(await visited('some', new Map())).toEqual([]);
    expect(await visited('some', new Map([[2, [0]]]))).toEqual([]);
  });
});
