import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { readBuriedRecord } from '../../shared/kafka/envelope.ts';
import type { Admin, Broker } from '../../shared/kafka/port.ts';
import { scanTopic } from '../../shared/kafka/scanTopic.ts';
import type { BuriedCopy, RecordBytes } from './history.ts';

const text = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null;

/** The records of a queue's DLQ, each beside the main record that it names as its origin. */
export async function readBuriedCopies(broker: Broker, admin: Admin, queue: string): Promise<BuriedCopy[]> {
  const topics = queueTopicNames(queue);
  const origins = new Map<string, RecordBytes & { timestampMs: number }>();
  await scanTopic({
    broker, admin, topic: topics.main,
    visit: (partition, { offset, key, value, timestampMs }) => { origins.set(`${topics.main}/${partition}/${offset}`, { key: text(key), value: text(value), timestampMs }); },
  });
  const copies: BuriedCopy[] = [];
  await scanTopic({
    broker, admin, topic: topics.dlq,
    visit: (partition, record) => {
      const read = readBuriedRecord(record);
      const origin = read?.job.origin;
      copies.push({
        id: read?.job.id ?? `record ${partition}/${record.offset}`,
        attempts: read?.burial.attempt ?? -1,
        reason: read?.burial.reason ?? '',
        firstFailure: read?.burial.firstFailure?.code ?? null,
        lastFailure: read?.burial.failure?.code ?? null,
        copy: { key: text(read?.job.key ?? null), value: text(record.value) },
        origin: origin?.partition === partition ? (origins.get(`${origin.topic}/${partition}/${origin.offset}`) ?? null) : null,
        originTimestampMs: origin?.timestampMs ?? -1,
      });
    },
  });
  return copies;
}
