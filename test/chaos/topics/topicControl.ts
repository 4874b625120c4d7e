import kafkajs, { type Admin } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { declareQueueTopics, type QueueTopics } from '../../../shared/kafka/topics.ts';

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;
const REPLICAS = 3;
const AGAIN_AFTER_MS = 500;
const GIVE_UP_AFTER_MS = 120_000;

/** Changes a queue's topics behind millrace's back, as an operator may. */
export class TopicControl {
  readonly topics: QueueTopics;
  readonly #admin: Admin;
  #partitions: number;

  /** @param brokers addresses that no trouble of the network reaches */
  constructor(brokers: string, queue: string, partitions: number) {
    this.topics = declareQueueTopics({ queue, partitions, replicationFactor: REPLICAS });
    this.#admin = new Kafka({ brokers: brokers.split(','), clientId: 'chaos-operator', logLevel: logLevel.NOTHING, retry: { retries: 2 } }).admin();
    this.#partitions = partitions;
  }

  get partitions(): number {
    return this.#partitions;
  }

  /** Some of a topic's settings are others from now on; none: all are as declared. Tries again until the cluster takes it. */
  async alter(topic: keyof QueueTopics, changed: Readonly<Record<string, string>>): Promise<void> {
    const { name, config } = this.topics[topic];
    // Altering replaces all settings of the topic.
    const configEntries = Object.entries({ ...config, ...changed }).map(([key, value]) => ({ name: key, value }));
    await this.#persist(() => this.#admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }] }));
  }

  /** Gives each of the queue's topics so many more partitions. */
  async addPartitions(more: number): Promise<void> {
    const count = this.#partitions + more;
    // The copies' topics first: a job must never find its waiting room missing.
    for (const topic of ['retry', 'dlq', 'events', 'main'] as const) {
      const { name } = this.topics[topic];
      await this.#persist(async () => {
        const [found] = (await this.#admin.fetchTopicMetadata({ topics: [name] })).topics;
        if ((found?.partitions.length ?? 0) < count) await this.#admin.createPartitions({ topicPartitions: [{ topic: name, count }] });
      });
    }
    this.#partitions = count;
  }

  async close(): Promise<void> {
    await this.#admin.disconnect();
  }

  async #persist(act: () => Promise<unknown>): Promise<void> {
    const endMs = performance.now() + GIVE_UP_AFTER_MS;
    for (;;) {
      try {
        await this.#admin.connect();
        await act();
        return;
      } catch (error) {
        if (performance.now() > endMs) throw error;
        await sleep(AGAIN_AFTER_MS);
      }
    }
  }
}
