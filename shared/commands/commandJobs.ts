import { MillraceError } from '../errors/MillraceError.ts';
import { commandRecord, type JobCommand } from '../kafka/envelope.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';

/** Where a job stands, as a {@link Receipt}, a {@link BuriedJob} and its events say it. */
export interface JobPlace {
  readonly id: string;
  readonly partition: number;
  /** Of its record in the main topic. */
  readonly offset: number;
}

/**
 * Asks the owners of the jobs' partitions to `cancel` them, or to run waiting ones now (`run-now`). A command about a job that its owner has not
 * read yet stands until it has; one about a job that is settled does nothing. Resolves when Kafka has the commands.
 * @throws MillraceError BAD_COMMAND, before any is asked; BROKER_UNAVAILABLE, TOPIC_MISSING
 */
export async function commandJobs(tools: CommandTools, queue: string, command: Extract<JobCommand, 'cancel' | 'run-now'>, jobs: readonly JobPlace[]): Promise<void> {
  checkPlaces(jobs);
  await Promise.all(jobs.map(({ id, partition, offset }) => {
    const origin = { topic: queue, partition, offset, timestampMs: -1 };
    const record = commandRecord(`${command}/${offset}/${createCommandId(tools)}`, command, { id, kind: null, origin, key: null, value: Buffer.alloc(0), headers: {} }, null);
    return tools.producer.send(queueTopicNames(queue).retry, partition, [record]);
  }));
}

/** Without types anything may come, and a partition that is none would be looked for until the broker's time is over. */
function checkPlaces(jobs: unknown): asserts jobs is readonly JobPlace[] {
  const expected = 'where a job stands, as { id, partition, offset }: a receipt of enqueue, or a buried job';
  if (!Array.isArray(jobs)) throw new MillraceError('BAD_COMMAND', { at: 'jobs', expected, got: jobs });
  for (const [index, job] of jobs.entries()) {
    const { id, partition, offset } = (typeof job === 'object' && job !== null ? job : {}) as Readonly<Record<keyof JobPlace, unknown>>;
    if (typeof id !== 'string' || id === '' || !isOrdinal(partition) || !isOrdinal(offset)) throw new MillraceError('BAD_COMMAND', { at: `jobs[${index}]`, expected, got: job });
  }
}

function isOrdinal(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
