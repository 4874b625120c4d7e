import { describeValue } from '../errors/MillraceError.ts';
import { DONE, isOutcome, type Failure, type Outcome } from './outcome.ts';

/**
 * The outcome that a handler's answer stands for: nothing is done; what `done`, `retry`, `snooze` or `dead` made is itself; anything
 * else is a failed attempt (code BAD_ANSWER), because taking an unknown answer for success would hide a mistake. `now` is epoch ms.
 */
export function readAnswer(answer: unknown, now: number): Outcome {
  if (answer === undefined) return DONE;
  if (isOutcome(answer)) {
    // dead() reads no clock; the failure gets its time here.
    return answer.type === 'dead' && answer.failure?.at === 0 ? { ...answer, failure: { ...answer.failure, at: now } } : answer;
  }
  return failed('BAD_ANSWER', `the handler answered ${show(answer)}; it must return nothing or done(), retry(), snooze() or dead()`, now);
}

/**
 * One outcome for each job of a batch, in the order of the jobs. A job that the answer leaves out counts as failed (code LEFT_OUT):
 * not in the map, `undefined`, or all of them where the answer is neither a map nor an array of the jobs' number.
 */
export function readBatchAnswer(jobs: readonly { readonly id: string }[], answer: unknown, now: number): Outcome[] {
  if (answer instanceof Map) {
    const outcomes = answer as ReadonlyMap<unknown, unknown>;
    return jobs.map((job) => readEntry(outcomes.get(job.id), 'handleBatch gave no outcome for this job', now));
  }
  if (Array.isArray(answer) && answer.length === jobs.length) {
    const outcomes = answer as readonly unknown[];
    return jobs.map((_, i) => readEntry(outcomes[i], 'handleBatch gave no outcome for this job', now));
  }
  const got = Array.isArray(answer) ? `${answer.length} outcomes for ${jobs.length} jobs` : show(answer);
  return jobs.map(() => failed('LEFT_OUT', `handleBatch answered ${got}; it must return a Map by job id, or an array with one outcome per job`, now));
}

function readEntry(entry: unknown, leftOut: string, now: number): Outcome {
  return entry === undefined ? failed('LEFT_OUT', leftOut, now) : readAnswer(entry, now);
}

function failed(code: string, message: string, at: number): Outcome {
  const failure: Failure = { code, name: 'BadAnswer', message, at };
  return { type: 'retry', afterMs: null, failure };
}

function show(value: unknown): string {
  try {
    return describeValue(value);
  } catch {
    return 'something that cannot be shown';
  }
}
