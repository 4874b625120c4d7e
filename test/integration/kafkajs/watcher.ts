import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Broker, Consumer, ConsumerOptions, FetchedBatch, FetchedRecord, PartitionGrant } from '../../../shared/kafka/port.ts';
import { until } from '../../until.ts';

/** A consumer that follows what it gets from its commit or the log's start, and remembers everything. */
export interface Watcher {
  readonly consumer: Consumer;
  readonly owned: ReadonlySet<number>;
  readonly records: (FetchedRecord & { readonly topic: string; readonly partition: number })[];
  readonly batches: FetchedBatch[];
  readonly grants: PartitionGrant[];
  readonly story: string[];
  readonly troubles: Error[];
}

export function watch(broker: Broker, topic: string, options: Partial<ConsumerOptions> & { readonly group: string }): Watcher {
  const owned = new Set<number>();
  const watcher: Watcher = { owned, records: [], batches: [], grants: [], story: [], troubles: [], consumer: broker.createConsumer({
    topics: [topic], clientId: 'watcher', sessionTimeoutMs: 10_000, revokeTimeoutMs: 5_000, maxBytesPerPartition: 1_048_576, maxWaitMs: 200, ...options,
  }, {
    assigned(grants) {
      watcher.story.push(`assigned ${grants.map(({ partition }) => partition).join()}`);
      for (const grant of grants) {
        owned.add(grant.partition);
        watcher.grants.push(grant);
        watcher.consumer.resume(topic, grant.partition, grant.committed[topic]?.offset ?? grant.log[topic]?.startOffset ?? 0);
      }
    },
    revoked(partitions) {
      watcher.story.push(`revoked ${partitions.join()}`);
      for (const partition of partitions) owned.delete(partition);
      return Promise.resolve();
    },
    lost(partitions) {
      watcher.story.push(`lost ${partitions.join()}`);
      for (const partition of partitions) owned.delete(partition);
    },
    fetched(batch) {
      watcher.batches.push(batch);
      for (const record of batch.records) watcher.records.push({ offset: record.offset, timestampMs: record.timestampMs, key: record.key, value: record.value, headers: record.headers, topic: batch.topic, partition: batch.partition });
    },
    trouble: (error) => { watcher.troubles.push(error); },
  }) };
  return watcher;
}

/** Creates a topic with a client of its own. */
export async function makeTopic(brokers: readonly string[], name: string, partitions: number, config: Readonly<Record<string, string>> = {}, replicationFactor = 1): Promise<string> {
  const admin = createKafkajsBroker({ brokers }).createAdmin({ clientId: 'maker' });
  await admin.createTopics([{ name, partitions, replicationFactor, config }]);
  await admin.close();
  return name;
}

/** The texts of a partition, read from its start to its present end by a consumer of its own. */
export async function readAll(brokers: readonly string[], topic: string, partition: number, options: Partial<ConsumerOptions> = {}): Promise<string[]> {
  const reader = watch(createKafkajsBroker({ brokers }), topic, { group: `reader-${topic}-${Math.random()}`, ...options });
  await reader.consumer.start();
  const end = reader.grants.find((grant) => grant.partition === partition)?.log[topic]?.endOffset ?? 0;
  await until(() => end === 0 || reader.batches.some((batch) => batch.partition === partition && batch.nextOffset >= end), `the end of ${topic}/${partition}`);
  await reader.consumer.close();
  return reader.records.filter((record) => record.partition === partition).map(({ value }) => String(value));
}
