import { randomUUID } from 'node:crypto';
import type { Admin, Broker, Consumer, FetchedRecord } from './port.ts';

export interface ScanOptions {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly topic: string;
  /** Called with each record, in order inside a partition. */
  readonly visit: (partition: number, record: FetchedRecord) => void;
  /** Stops early when it says so; asked after each batch. */
  readonly enough?: () => boolean;
  /** Tells this scan from all others. Default: a random UUID. */
  readonly scanId?: string;
}

/**
 * Reads a topic from its start to where it ended when the call was made. Commits nothing and leaves no group behind.
 * @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function scanTopic({ broker, admin, topic, visit, enough, scanId = randomUUID() }: ScanOptions): Promise<void> {
  const ends = new Map<number, number>();
  for (const { partition, startOffset, endOffset } of await admin.logBounds(topic)) if (endOffset > startOffset) ends.set(partition, endOffset);
  if (ends.size === 0) return;
  const group = `millrace.scan.${scanId}`;
  let consumer: Consumer | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const arrived = (partition: number): void => {
        ends.delete(partition);
        consumer?.pause(topic, partition);
        if (ends.size === 0 || enough?.() === true) resolve();
      };
      consumer = broker.createConsumer(
        { group, topics: [topic], sessionTimeoutMs: 10_000, revokeTimeoutMs: 5000, maxBytesPerPartition: 1024 * 1024, maxWaitMs: 200, clientId: group },
        {
          assigned: (grants) => { for (const { partition, log } of grants) if (ends.has(partition)) consumer?.resume(topic, partition, log[topic]?.startOffset ?? 0); },
          revoked: () => Promise.resolve(),
          lost: () => undefined,
          fetched: (batch) => {
            const end = ends.get(batch.partition);
            if (end === undefined) return;
            for (const record of batch.records) if (record.offset < end) visit(batch.partition, record);
            if (batch.nextOffset >= end || enough?.() === true) arrived(batch.partition);
          },
          trouble: () => undefined,
        },
      );
      consumer.start().catch(reject);
    });
  } finally {
    await consumer?.close();
  }
}
