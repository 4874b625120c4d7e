import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startKafkaCluster, type KafkaCluster } from '../../../shared/embedded/kafka.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { uniqueName } from '../../topicNames.ts';
import { makeTopic, readAll, watch } from './watcher.ts';
import { until } from '../../until.ts';

describe('three brokers, one of which dies', () => {
  let cluster: KafkaCluster;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'millrace-failover-'));
    cluster = await startKafkaCluster({ host: process, cacheDir: inject('cacheDir'), dataDir, port: 0, brokers: 3 });
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('neither lose nor double a record, keep the group, and serve on while each dies and returns in turn', async () => {
    const brokers = cluster.brokers.split(',');
    const topic = await makeTopic(brokers, uniqueName('failover'), 6, { 'min.insync.replicas': '2' }, 3);
    const broker = createKafkajsBroker({ brokers, deliveryTimeoutMs: 40_000 });
    const producer = broker.createProducer({ clientId: 'p' });
    await producer.start();
    const watcher = watch(broker, topic, { group: uniqueName('group'), sessionTimeoutMs: 20_000 });
    await watcher.consumer.start();

    let sent = 0;
    let stop = false;
    let longestMs = 0;
    const sending = (async () => {
      while (!stop) {
        const startedMs = performance.now();
        await Promise.all([0, 1, 2, 3, 4, 5].map((partition) => producer.send(topic, partition, [{ key: null, value: Buffer.from(String(sent)) }])));
        longestMs = Math.max(longestMs, performance.now() - startedMs);
        sent += 1;
      }
    })();
    for (const node of [1, 2, 3]) {
      await cluster.node(node).kill();
      const before = sent;
      await until(() => sent > before + 20, `sends without broker ${node}`);
      await cluster.restart(node);
      const back = sent;
      await until(() => sent > back + 20, `sends with broker ${node} again`);
    }
    stop = true;
    await sending;
    await until(() => watcher.records.length >= sent * 6, 'all records');
    const expected = Array.from({ length: sent }, (_, n) => String(n));
    for (const partition of [0, 1, 2, 3, 4, 5]) {
      expect(watcher.records.filter((one) => one.partition === partition).map(({ value }) => String(value)), `partition ${partition} as read live`).toEqual(expected);
      expect(await readAll(brokers, topic, partition), `partition ${partition} in the log`).toEqual(expected);
    }
    expect(watcher.story).toEqual(['assigned 0,1,2,3,4,5']);
    await watcher.consumer.commit([{ partition: 0, positions: [{ topic, offset: sent, metadata: '' }] }]);
    console.info(`${sent} rounds of six, the longest took ${Math.round(longestMs)} ms`);
    await watcher.consumer.close();
    await producer.close();
  });
});
