import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import type { Broker } from '../../../shared/kafka/port.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

/** A Kafka of which one topic-partition is never delivered, and says so or not. */
function damage(broker: Broker, partition: number, error: MillraceError | null): Broker {
  return {
    createProducer: (options) => broker.createProducer(options), createAdmin: (options) => broker.createAdmin(options),
    createConsumer: (options, listener) => broker.createConsumer(options, {
      ...listener,
      fetched: (batch) => {
        if (batch.partition !== partition) listener.fetched(batch);
        else if (error?.code === 'RECORDS_UNREADABLE') listener.unreadable?.(batch.topic, partition, error);
        else if (error !== null) listener.trouble(error);
      },
    }),
  };
}

it.each([
  [new MillraceError('RECORDS_UNREADABLE', { at: 'q/1 at 0' }), { code: 'RECORDS_UNREADABLE' }],
  [new MillraceError('BROKER_FENCED'), { code: 'BROKER_UNAVAILABLE', cause: { code: 'BROKER_FENCED' } }],
  [null, { code: 'BROKER_UNAVAILABLE' }],
])('gives up a scan to which nothing comes any more, and says why: %s', async (error, expected) => {
  const clock = createVirtualClock(0);
  const broker = createMemoryCluster({ clock, random: () => 0.5 }).broker();
  const admin = broker.createAdmin({ clientId: 'test' });
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    promise.finally(() => { over = true; }).catch(() => undefined);
    await clock.runUntil(() => over, { maxMs: 120_000 });
    return promise;
  };
  await settle(admin.createTopics([{ name: 'q', partitions: 2, replicationFactor: 1, config: {} }]));
  const producer = broker.createProducer({ clientId: 'test' });
  await settle(producer.start());
  for (const partition of [0, 1]) await settle(producer.send('q', partition, [{ key: 'k', value: Buffer.from('v') }]));
  const visited: number[] = [];
  await expect(settle(scanTopic({ broker: damage(broker, 1, error), admin, topic: 'q', clock, visit: (partition) => { visited.push(partition); } }))).rejects.toMatchObject(expected);
  expect(visited).toEqual([0]);
  expect(clock.monotonic()).toBeLessThan(60_000);
});

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
