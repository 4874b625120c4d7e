import kafkajs from 'kafkajs';
import { declareQueueTopics } from '../../shared/kafka/topics.ts';
import type { Scene } from './scene.ts';

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;

/** Makes the broker refuse records in one of a queue's topics, and lets it take them again. */
export interface Refusal {
  begin(): Promise<void>;
  end(): Promise<void>;
  close(): Promise<void>;
}

/** @param refusing the topic's settings while it refuses; altering replaces all settings, so the declared ones come with them */
export async function openRefusal(brokers: string, scene: Scene, kind: 'retry' | 'dlq', refusing: Readonly<Record<string, string>>): Promise<Refusal> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const { name, config } = declareQueueTopics({ queue: scene.workload.queue, partitions: scene.partitions, replicationFactor: 1 })[kind];
  const alter = async (changed: Readonly<Record<string, string>>): Promise<void> => {
    const configEntries = Object.entries({ ...config, ...changed }).map(([key, value]) => ({ name: key, value }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }] });
  };
  return { begin: () => alter(refusing), end: () => alter({}), close: () => admin.disconnect() };
}
