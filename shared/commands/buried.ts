import { fingerprintOf } from '../jobs/fingerprint.ts';
import { readBuriedRecord, type Burial, type CarriedJob } from '../kafka/envelope.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';

/** A job in the dead-letter topic. */
export interface BuriedJob {
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly partition: number;
  /** Its offset in the main topic: its place in its lane. */
  readonly offset: number;
  /** Of its record in the dead-letter topic: names this burial of it. */
  readonly deadLetterOffset: number;
  readonly attempts: number;
  /** A `BuryReason`. */
  readonly reason: string;
  readonly message: string | null;
  /** The error's code. */
  readonly code: string | null;
  /** The same for occurrences of one error. */
  readonly fingerprint: string | null;
  readonly buriedAt: Date;
}

/** A buried job with all that its record holds. */
export interface Buried {
  readonly shown: BuriedJob;
  readonly job: CarriedJob;
  readonly burial: Burial;
}

/** Reads a record of partition `partition` of the dead-letter topic of `queue`; null for what is no buried job of it. */
function readBuried(queue: string, partition: number, record: FetchedRecord): Buried | null {
  const read = readBuriedRecord(record);
  if (read === null || read.job.origin.topic !== queue || read.job.origin.partition !== partition) return null;
  const { job, burial } = read;
  return {
    job, burial,
    shown: {
      id: job.id, kind: job.kind, key: job.key?.toString() ?? null, partition, offset: job.origin.offset, deadLetterOffset: record.offset,
      attempts: burial.attempt, reason: burial.reason, message: burial.failure?.message ?? null, code: burial.failure?.code ?? null,
      fingerprint: burial.failure === null ? null : fingerprintOf(burial.failure.code, burial.failure.message),
      buriedAt: new Date(record.timestampMs),
    },
  };
}

/** Which record of the dead-letter topic. */
export interface BurialPlace {
  readonly partition: number;
  readonly deadLetterOffset: number;
}

/** The burials at these places, in the order given, without those that are not there any more. */
export async function fetchBuried(tools: CommandTools, queue: string, places: readonly BurialPlace[]): Promise<Buried[]> {
  const { broker, admin } = tools;
  const only = new Map<number, number[]>();
  for (const { partition, deadLetterOffset } of places) only.set(partition, [...only.get(partition) ?? [], deadLetterOffset]);
  const found = new Map<string, Buried>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).dlq, only, scanId: createCommandId(tools),
    visit: (partition, record) => {
      const read = readBuried(queue, partition, record);
      if (read !== null) found.set(`${partition}/${record.offset}`, read);
    },
  });
  return places.flatMap(({ partition, deadLetterOffset }) => found.get(`${partition}/${deadLetterOffset}`) ?? []);
}

/** The jobs in a queue's dead-letter topic, each in its last burial, in the order of their first one within a partition. */
export async function findBuried(tools: CommandTools, queue: string): Promise<Buried[]> {
  const { broker, admin } = tools;
  const found = new Map<string, Buried>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).dlq, scanId: createCommandId(tools),
    visit: (partition, record) => {
      const read = readBuried(queue, partition, record);
      // A job may have been buried, redriven and buried again: its last burial counts.
      if (read !== null) found.set(`${partition}/${read.shown.offset}`, read);
    },
  });
  return [...found.values()];
}

/** As {@link findBuried}, without payloads and headers. */
export async function listBuried(tools: CommandTools, queue: string): Promise<BuriedJob[]> {
  return (await findBuried(tools, queue)).map(({ shown }) => shown);
}
