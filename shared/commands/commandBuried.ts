import { commandRecord, redriveKey } from '../kafka/envelope.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { findBuried, type Buried, type BuriedJob } from './buried.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';

/**
 * Asks the owners of the jobs' partitions to run buried jobs again: with fresh attempts, in their old place, before everything of their entity that
 * has not started. One that lives already is left alone. **A burial is redriven once**: however often and by whomever it is asked for, also after
 * restarts, the job runs again once; if it is buried again, that is another burial. Resolves when Kafka has the commands; they are carried out
 * when the owner reads them.
 * @param edit the value (Avro in Confluent's wire format) to run with instead; the dead-letter topic keeps the old one
 */
export function redriveBuried(tools: CommandTools, queue: string, buried: readonly Buried[], edit?: (job: Buried) => Buffer | null): Promise<void> {
  return sendAll(buried.map((one) => {
    const { job, burial, shown } = one;
    const value = edit?.(one) ?? job.value;
    const record = commandRecord(redriveKey(shown.offset, shown.deadLetterOffset), 'redrive', { ...job, value }, burial.firstFailure);
    return tools.producer.send(queueTopicNames(queue).retry, shown.partition, [record]);
  }));
}

/** Asks the owners to forget held jobs, so that their entities' next jobs run. Resolves when Kafka has the commands. */
export function discardBuried(tools: CommandTools, queue: string, buried: readonly Buried[]): Promise<void> {
  return sendAll(buried.map(({ job, shown }) => {
    const record = commandRecord(`discard/${shown.offset}/${createCommandId(tools)}`, 'discard', { ...job, value: null }, null);
    return tools.producer.send(queueTopicNames(queue).retry, shown.partition, [record]);
  }));
}

/** The buried jobs that `select` picks. */
export async function selectBuried(tools: CommandTools, queue: string, select: (job: BuriedJob) => boolean): Promise<Buried[]> {
  return (await findBuried(tools, queue)).filter(({ shown }) => select(shown));
}

async function sendAll(sent: readonly Promise<unknown>[]): Promise<void> {
  await Promise.all(sent);
}
