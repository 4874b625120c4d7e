import { describeValue } from '../errors/MillraceError.ts';
import { makeFailure } from './failure.ts';
import { DONE, isOutcome, type Outcome } from './outcome.ts';

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
  const entries = readEntries(jobs, answer);
  if (typeof entries === 'string') {
    const message = `handleBatch answered ${entries}; it must return a Map by job id, or an array with one outcome per job`;
    return jobs.map(() => failed('LEFT_OUT', message, now));
  }
  return entries.map((entry) => (entry === undefined ? failed('LEFT_OUT', 'handleBatch gave no outcome for this job', now) : readAnswer(entry, now)));
}

/** What the answer says of each job; or, in words, why that cannot be told. */
function readEntries(jobs: readonly { readonly id: string }[], answer: unknown): unknown[] | string {
  try {
    if (answer instanceof Map) return jobs.map((job) => (answer as ReadonlyMap<unknown, unknown>).get(job.id));
    if (!Array.isArray(answer)) return show(answer);
    return answer.length === jobs.length ? Array.from<unknown>(answer) : `${answer.length} outcomes for ${jobs.length} jobs`;
  } catch {
    return show(answer); // a Proxy may throw at any touch
  }
}

function failed(code: string, message: string, at: number): Outcome {
  return { type: 'retry', afterMs: null, failure: makeFailure({ code, name: 'BadAnswer', message, at }) };
}

function show(value: unknown): string {
  try {
    return describeValue(value);
  } catch {
    return 'something that cannot be shown';
  }
}
