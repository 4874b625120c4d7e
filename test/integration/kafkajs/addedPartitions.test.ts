import kafkajs from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { uniqueName } from '../../topicNames.ts';
import { makeTopic, watch } from './watcher.ts';
import { until } from '../../until.ts';

test('partitions that are added to a topic get owners, though nobody joins or leaves, and those that are there keep theirs', async () => {
  const brokers = inject('brokers').split(',');
  const topic = await makeTopic(brokers, uniqueName('growing'), 2);
  const broker = createKafkajsBroker({ brokers, metadataMaxAgeMs: 300 });
  const group = uniqueName('group');
  const members = [watch(broker, topic, { group }), watch(broker, topic, { group })] as const;
  for (const { consumer } of members) {
    onTestFinished(() => consumer.close());
    await consumer.start();
  }
  const owned = (): string => members.flatMap(({ owned: some }) => [...some]).sort().join();
  await until(() => owned() === '0,1' && members.every(({ owned: some }) => some.size === 1), 'one partition each');

  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  const storiesBefore = members.map(({ story }) => story.length);
  await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
  await until(() => owned() === '0,1,2,3' && members.every(({ owned: some }) => some.size === 2), 'two partitions each');
  const since = members.flatMap(({ story }, index) => story.slice(storiesBefore[index]));
  expect(since.filter((line) => !line.startsWith('assigned'))).toEqual([]);
});
