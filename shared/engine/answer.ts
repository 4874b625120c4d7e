import type { Job } from './job.ts';
import type { Partition } from './partition.ts';
import { putApplied } from './room.ts';

/** The job's end is durable, or will be by what was put before: the command that ended it is answered. */
export function answerCommand(partition: Partition, job: Job): void {
  if (partition.answers.size === 0) return;
  const key = partition.answers.get(job);
  if (key === undefined) return;
  partition.answers.delete(job);
  putApplied(partition, key);
}
