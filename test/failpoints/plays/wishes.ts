import type { JobPlace } from '../../../shared/commands/commandJobs.ts';
import type { Millrace } from '../../../shared/millrace.ts';

/** What an operator wants, all at once: entities by their keys, jobs by their places. */
export interface Wishes {
  readonly pause: string;
  readonly resume: string;
  readonly cancel: readonly JobPlace[];
  readonly runNow: readonly JobPlace[];
}

/** Gives the commands, one after the other; all of them may be given again. */
export async function giveWishes(millrace: Millrace, queue: string, { pause, resume, cancel, runNow }: Wishes): Promise<void> {
  await millrace.pause(queue, { key: pause });
  await millrace.cancel(queue, cancel);
  await millrace.runNow(queue, runNow);
  const paused = await millrace.listPauses(queue);
  if (!paused.some(({ scope }) => scope.type === 'key' && scope.key.toString() === pause)) throw new Error('the pause is not listed');
  await millrace.resume(queue, { key: resume });
}
