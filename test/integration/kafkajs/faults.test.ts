import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { createKafkajsBroker, type KafkajsBrokerOptions } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Producer } from '../../../shared/kafka/port.ts';
import { uniqueName } from '../../topicNames.ts';
import { createNetwork, type Network } from './network.ts';
import { makeTopic, readAll, watch, type Watcher } from './watcher.ts';
import { until } from '../../until.ts';

const brokers = inject('brokers').split(',');
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close(); });

function faulty(options: Partial<KafkajsBrokerOptions> = {}): { network: Network; broker: ReturnType<typeof createKafkajsBroker> } {
  const network = createNetwork();
  closers.push(() => { network.mend(); return Promise.resolve(); });
  return { network, broker: createKafkajsBroker({ brokers, socketFactory: network.socketFactory, ...options }) };
}

async function startedProducer(broker = createKafkajsBroker({ brokers })): Promise<Producer> {
  const producer = broker.createProducer({ clientId: 'sender' });
  closers.push(() => producer.close());
  await producer.start();
  return producer;
}

async function started(watcher: Watcher): Promise<Watcher> {
  closers.push(() => watcher.consumer.close());
  await watcher.consumer.start();
  return watcher;
}

const text = (value: string) => [{ key: null, value: Buffer.from(value) }];

describe('a producer on a bad network', () => {
  it('appends every record once and in order though its connections break again and again', async () => {
    const topic = await makeTopic(brokers, uniqueName('cuts'), 3);
    const { network, broker } = faulty();
    const producer = await startedProducer(broker);
    const sends: Promise<unknown>[] = [];
    for (let round = 0; round < 60; round++) {
      for (let n = 0; n < 50; n++) sends.push(producer.send(topic, n % 3, text(`${round}.${n}`)));
      await sleep(Math.random() * 8);
      if (round % 2 === 1) network.breakAll();
    }
    await Promise.all(sends);
    expect(network.opened()).toBeGreaterThan(10);
    for (const partition of [0, 1, 2]) {
      const expected = Array.from({ length: 60 }, (_, round) => Array.from({ length: 50 }, (__, n) => n).filter((n) => n % 3 === partition).map((n) => `${round}.${n}`)).flat();
      expect(await readAll(brokers, topic, partition)).toEqual(expected);
    }
  });

  it('gives up after its time with BROKER_UNAVAILABLE, and serves the same partition again once the network is back', async () => {
    const topic = await makeTopic(brokers, uniqueName('giveup'), 1);
    const { network, broker } = faulty({ deliveryTimeoutMs: 700 });
    const producer = await startedProducer(broker);
    await producer.send(topic, 0, text('before'));
    network.cut();
    const startedMs = performance.now();
    const outcomes = await Promise.allSettled([producer.send(topic, 0, text('first')), producer.send(topic, 0, text('second'))]);
    expect(outcomes).toMatchObject([{ reason: { code: 'BROKER_UNAVAILABLE' } }, { reason: { code: 'BROKER_UNAVAILABLE' } }]);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    network.mend();
    // Its time is shorter than the longest wait between two connects, so a first send may still come too early.
    await expect.poll(() => producer.send(topic, 0, text('after')).then(() => 'sent', (error: unknown) => (isMillraceError(error) ? error.code : error)), { timeout: 20_000 }).toBe('sent');
    expect(await readAll(brokers, topic, 0)).toEqual(['before', 'after']);
  });

  it('after giving up a record whose fate is unknown, never lets the broker take the next one for its double', async () => {
    const topic = await makeTopic(brokers, uniqueName('fate'), 1);
    const { network, broker } = faulty({ deliveryTimeoutMs: 500 });
    const producer = await startedProducer(broker);
    await producer.send(topic, 0, text('before'));
    network.mute(); // the request arrives, its answer does not
    await expect(producer.send(topic, 0, text('unknown'))).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    network.breakAll();
    await producer.send(topic, 0, text('after'));
    expect(await readAll(brokers, topic, 0)).toEqual(['before', 'unknown', 'after']);
  });
});

describe('a consumer on a bad network', () => {
  it('keeps its partitions and reads every record once though its connections break again and again', async () => {
    const topic = await makeTopic(brokers, uniqueName('reads'), 2);
    const { network, broker } = faulty();
    const producer = await startedProducer();
    const watcher = await started(watch(broker, topic, { group: uniqueName('group') }));
    for (let round = 0; round < 40; round++) {
      await Promise.all([0, 1].map((partition) => producer.send(topic, partition, text(String(round)))));
      if (round % 4 === 3) network.breakAll();
    }
    await until(() => watcher.records.length >= 80, 'all records');
    for (const partition of [0, 1]) expect(watcher.records.filter((one) => one.partition === partition).map(({ value }) => Number(value))).toEqual(Array.from({ length: 40 }, (_, round) => round));
    await watcher.consumer.commit([{ partition: 0, positions: [{ topic, offset: 40, metadata: '' }] }]);
    expect(watcher.story).toEqual(['assigned 0,1']);
  });

  it('replaces connections whose answers stop coming before its session is over, and reads on', async () => {
    const topic = await makeTopic(brokers, uniqueName('mute'), 1);
    const { network, broker } = faulty();
    const producer = await startedProducer();
    const watcher = await started(watch(broker, topic, { group: uniqueName('group'), sessionTimeoutMs: 9000 }));
    await producer.send(topic, 0, text('before'));
    await until(() => watcher.records.length === 1, 'the first record');
    network.mute();
    await producer.send(topic, 0, text('after'));
    await until(() => watcher.records.length === 2, 'the second record');
    expect(watcher.records.map(({ value }) => String(value))).toEqual(['before', 'after']);
    expect(watcher.story).toEqual(['assigned 0']);
    expect(watcher.troubles.length).toBeGreaterThan(0);
  });

  it('says by itself that all is lost when its session must be over, refuses commits from then on, and comes back', async () => {
    const topic = await makeTopic(brokers, uniqueName('expiry'), 2);
    const { network, broker } = faulty();
    const watcher = await started(watch(broker, topic, { group: uniqueName('group'), sessionTimeoutMs: 3000 }));
    const cutMs = performance.now();
    network.cut();
    await until(() => watcher.story.length === 2, 'the loss');
    expect(watcher.story[1]).toBe('lost 0,1');
    expect(performance.now() - cutMs).toBeLessThan(3000 + 1000);
    await expect(watcher.consumer.commit([{ partition: 0, positions: [{ topic, offset: 1, metadata: '' }] }])).rejects.toMatchObject({ code: 'BROKER_FENCED' });
    network.mend();
    await until(() => watcher.owned.size === 2, 'the return');
    await watcher.consumer.commit([{ partition: 0, positions: [{ topic, offset: 1, metadata: '' }] }]);
  });

  it('starts again at the log\'s start when its position was deleted, says so, and commits nothing by itself', async () => {
    const topic = await makeTopic(brokers, uniqueName('range'), 1);
    const broker = createKafkajsBroker({ brokers });
    const producer = await startedProducer();
    await producer.send(topic, 0, text('only'));
    const watcher = await started(watch(broker, topic, { group: uniqueName('group') }));
    await until(() => watcher.records.length === 1, 'the record');
    watcher.consumer.resume(topic, 0, 500);
    await until(() => watcher.records.length === 2, 'the record again');
    expect(watcher.troubles.map(({ message }) => message).join()).toContain('500');
    const admin = broker.createAdmin({ clientId: 'a' });
    closers.push(() => admin.close());
    expect(await admin.committed(watcher.grants[0] === undefined ? '' : topic, topic)).toEqual([{ partition: 0, position: null }]);
  });

  it('asks to join anew when the coordinator falls silent during its first join, long before that join\'s own time is over', async () => {
    const topic = await makeTopic(brokers, uniqueName('join'), 1);
    const group = uniqueName('group');
    const gone = faulty();
    await started(watch(gone.broker, topic, { group, sessionTimeoutMs: 6000 }));
    gone.network.cut(); // a member that neither leaves nor joins: who comes now must wait until its session is over
    const { network, broker } = faulty();
    const watcher = watch(broker, topic, { group, sessionTimeoutMs: 6000, revokeTimeoutMs: 120_000 });
    closers.push(() => watcher.consumer.close());
    const joining = watcher.consumer.start();
    await until(() => network.opened() >= 2, 'the join\'s link');
    await sleep(1500); // on a busy machine the join may not be out yet; then the silence meets what comes before it, which is no harder
    network.mute();
    await until(() => watcher.owned.size === 1, 'the partition', 40_000);
    await joining;
  });

  it('does not start while nobody answers, and says so', async () => {
    const { network, broker } = faulty();
    network.cut();
    const producer = broker.createProducer({ clientId: 'p' });
    await expect(producer.start()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await producer.close();
  });
});
