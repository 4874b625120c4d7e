import { fingerprintOf } from '../jobs/fingerprint.ts';
import { readBuriedRecord, type Burial, type CarriedJob } from '../kafka/envelope.ts';
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

/** The jobs in a queue's dead-letter topic, each in its last burial, in the order of their first one within a partition. */
export async function findBuried(tools: CommandTools, queue: string): Promise<Buried[]> {
  const { broker, admin } = tools;
  const found = new Map<string, Buried>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).dlq, scanId: createCommandId(tools),
    visit: (partition, record) => {
      const read = readBuriedRecord(record);
      if (read === null || read.job.origin.topic !== queue || read.job.origin.partition !== partition) return;
      const { job, burial } = read;
      const shown: BuriedJob = {
        id: job.id, kind: job.kind, key: job.key?.toString() ?? null, partition, offset: job.origin.offset, deadLetterOffset: record.offset,
        attempts: burial.attempt, reason: burial.reason, message: burial.failure?.message ?? null, code: burial.failure?.code ?? null,
        fingerprint: burial.failure === null ? null : fingerprintOf(burial.failure.code, burial.failure.message),
        buriedAt: new Date(record.timestampMs),
      };
      // A job may have been buried, redriven and buried again: its last burial counts.
      found.set(`${partition}/${job.origin.offset}`, { shown, job, burial });
    },
  });
  return [...found.values()];
}

/** As {@link findBuried}, without payloads and headers. */
export async function listBuried(tools: CommandTools, queue: string): Promise<BuriedJob[]> {
  return (await findBuried(tools, queue)).map(({ shown }) => shown);
}
