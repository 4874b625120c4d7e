import { Kafka, logLevel } from 'kafkajs';
import { expect, inject, test } from 'vitest';
import { uniqueName } from '../topicNames.ts';

test('the stack of a test run takes a topic and answers as a registry', async () => {
  const admin = new Kafka({ brokers: inject('brokers').split(','), logLevel: logLevel.NOTHING }).admin();
  const topic = uniqueName('stack');
  await admin.connect();
  expect(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })).toBe(true);
  expect(await admin.listTopics()).toContain(topic);
  await admin.disconnect();
  const subjects = await fetch(`${inject('registryUrl')}/subjects`);
  expect(subjects.status).toBe(200);
});
