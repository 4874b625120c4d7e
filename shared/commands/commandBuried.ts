import { commandRecord, discardKey, redriveKey } from '../kafka/envelope.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { findBuried, type Buried, type BuriedJob } from './buried.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';
import { pick, type DeadSelection, type TagsOf } from './deadSelection.ts';
import { sendPaced, type PaceOptions } from './sendPaced.ts';

export interface RedriveBuriedOptions extends PaceOptions<Buried> {
  /** The value (Avro in Confluent's wire format) to run with instead; null: the buried one. The dead-letter topic keeps the old one. */
  readonly edit?: (job: Buried) => Buffer | null;
}

export interface DiscardBuriedOptions extends PaceOptions<Buried> {
  /** Why, in the operator's words; at most {@link MAX_NOTE_BYTES} in UTF-8. */
  readonly reason?: string;
}

/**
 * Asks the owners of the jobs' partitions to run buried jobs again: with fresh attempts, in their old place, before everything of their entity that
 * has not started. One that lives already is left alone. **A burial is redriven once**: however often and by whomever it is asked for, also after
 * restarts, the job runs again once; if it is buried again, that is another burial. Resolves when Kafka has the commands; they are carried out
 * when the owner reads them. @returns how many Kafka has
 */
export function redriveBuried(tools: CommandTools, queue: string, buried: readonly Buried[], options: RedriveBuriedOptions = {}): Promise<number> {
  return sendPaced(buried, (one) => {
    const { job, burial, shown } = one;
    const value = options.edit?.(one) ?? job.value;
    const record = commandRecord(redriveKey(shown.offset, shown.deadLetterOffset), 'redrive', { ...job, value }, burial.firstFailure, { redriven: burial.redriven });
    return tools.producer.send(queueTopicNames(queue).retry, shown.partition, [record]);
  }, options);
}

/**
 * Says of dead jobs that nobody will come back to them: they are dead no more, but cancelled. Where one holds its lane, its entity's next jobs run.
 * Resolves when Kafka has the commands. @returns how many Kafka has
 */
export function discardBuried(tools: CommandTools, queue: string, buried: readonly Buried[], options: DiscardBuriedOptions = {}): Promise<number> {
  return sendPaced(buried, ({ job, shown }) => {
    const key = discardKey(shown.offset, shown.deadLetterOffset, createCommandId(tools));
    const record = commandRecord(key, 'discard', { ...job, value: null }, null, options.reason === undefined ? {} : { note: options.reason });
    return tools.producer.send(queueTopicNames(queue).retry, shown.partition, [record]);
  }, options);
}

/** The buried jobs that a selection means; reads the whole dead-letter topic. @throws MillraceError BAD_COMMAND as `pick` */
export async function selectBuried(tools: CommandTools, queue: string, selection: DeadSelection | ((job: BuriedJob) => boolean), tagsOf?: TagsOf): Promise<Buried[]> {
  if (typeof selection !== 'function') pick([], selection, tagsOf);
  const found = await findBuried(tools, queue);
  return typeof selection === 'function' ? found.filter(({ shown }) => selection(shown)) : pick(found.toSorted(byPlace), selection, tagsOf);
}

function byPlace({ shown: a }: Buried, { shown: b }: Buried): number {
  return a.partition - b.partition || a.offset - b.offset;
}
