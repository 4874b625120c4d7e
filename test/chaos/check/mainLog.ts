import { readBuriedRecord, readJobId } from '../../../shared/kafka/envelope.ts';
import type { Admin, Broker } from '../../../shared/kafka/port.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import type { BuriedCopy, RecordBytes } from '../../guarantees/history.ts';

/** A record of the main topic: a job, whatever its producer heard of it. */
export interface LoggedJob {
  readonly id: string;
  readonly entity: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

export interface MainLog {
  readonly jobs: readonly LoggedJob[];
  /** Ids here are places: `partition/offset` of the origin. */
  readonly buried: readonly BuriedCopy[];
}

const text = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null;

/** Reads a queue's main topic and its DLQ to their ends; keeps the bytes only of what is buried. */
export async function readMainLog(broker: Broker, admin: Admin, queue: string): Promise<MainLog> {
  const topics = queueTopicNames(queue);
  const letters: { copy: Omit<BuriedCopy, 'origin'>; originTopic: string }[] = [];
  await scanTopic({
    broker, admin, topic: topics.dlq,
    visit: (partition, record) => {
      const read = readBuriedRecord(record);
      const origin = read?.job.origin;
      letters.push({
        originTopic: origin?.topic ?? '',
        copy: {
          id: origin?.partition === partition ? `${partition}/${origin.offset}` : `record ${partition}/${record.offset} of the DLQ`,
          attempts: read?.burial.attempt ?? -1,
          reason: read?.burial.reason ?? '',
          firstFailure: read?.burial.firstFailure?.code ?? null,
          lastFailure: read?.burial.failure?.code ?? null,
          copy: { key: text(read?.job.key ?? null), value: text(record.value) },
          originTimestampMs: origin?.timestampMs ?? -1,
        },
      });
    },
  });
  const wanted = new Set(letters.map(({ copy: { id } }) => id));
  const origins = new Map<string, RecordBytes & { timestampMs: number }>();
  const jobs: LoggedJob[] = [];
  await scanTopic({
    broker, admin, topic: topics.main,
    visit: (partition, { offset, key, value, headers, timestampMs }) => {
      jobs.push({ id: readJobId(headers, topics.main, partition, offset), entity: key?.toString() ?? '', partition, offset, timestampMs });
      const place = `${partition}/${offset}`;
      if (wanted.has(place)) origins.set(place, { key: text(key), value: text(value), timestampMs });
    },
  });
  jobs.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  return { jobs, buried: letters.map(({ copy, originTopic }) => ({ ...copy, origin: originTopic === topics.main ? (origins.get(copy.id) ?? null) : null })) };
}
