import { randomUUID } from 'node:crypto';
import { commandRecord, readBuriedRecord, type Burial, type CarriedJob } from '../kafka/envelope.ts';
import type { Admin, Broker, Producer } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { scanTopic } from '../kafka/scanTopic.ts';

/** A job in the dead-letter topic. */
export interface BuriedJob {
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly partition: number;
  /** Its offset in the main topic: its place in its lane. */
  readonly offset: number;
  readonly attempts: number;
  /** A `BuryReason`. */
  readonly reason: string;
  readonly message: string | null;
  readonly buriedAt: Date;
}

export interface DeadLetterTools {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly producer: Producer;
  /** Makes what tells commands and scans apart. Default: random UUIDs. */
  readonly createId?: () => string;
}

interface Found {
  readonly shown: BuriedJob;
  readonly job: CarriedJob;
  readonly burial: Burial;
}

async function findBuried({ broker, admin, createId = randomUUID }: DeadLetterTools, queue: string): Promise<Found[]> {
  const found = new Map<string, Found>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).dlq, scanId: createId(),
    visit: (partition, record) => {
      const read = readBuriedRecord(record);
      if (read === null || read.job.origin.topic !== queue || read.job.origin.partition !== partition) return;
      const { job, burial } = read;
      const shown: BuriedJob = {
        id: job.id, kind: job.kind, key: job.key?.toString() ?? null, partition, offset: job.origin.offset,
        attempts: burial.attempt, reason: burial.reason, message: burial.failure?.message ?? null, buriedAt: new Date(record.timestampMs),
      };
      // A job may have been buried, redriven and buried again: its last burial counts.
      found.set(`${partition}/${job.origin.offset}`, { shown, job, burial });
    },
  });
  return [...found.values()];
}

/** The jobs in a queue's dead-letter topic, oldest first within a partition. */
export async function listBuried(tools: DeadLetterTools, queue: string): Promise<BuriedJob[]> {
  return (await findBuried(tools, queue)).map(({ shown }) => shown);
}

/**
 * Asks the owners of the jobs' partitions to run them again (`redrive`) or to forget held ones (`discard`). A redriven job starts with
 * fresh attempts, in its old place: before everything of its entity that has not started. One that lives already is left alone. Resolves when
 * Kafka has the commands; they are carried out when the owner reads them.
 * @returns the selected jobs
 */
export async function commandBuried(
  tools: DeadLetterTools, queue: string, command: 'redrive' | 'discard', select: (job: BuriedJob) => boolean,
): Promise<BuriedJob[]> {
  const { createId = randomUUID } = tools;
  const selected = (await findBuried(tools, queue)).filter(({ shown }) => select(shown));
  await Promise.all(selected.map(({ job, burial, shown }) =>
    tools.producer.send(queueTopicNames(queue).retry, shown.partition, [commandRecord(`${command}/${job.id}/${createId()}`, command, job, burial.firstFailure)])));
  return selected.map(({ shown }) => shown);
}
