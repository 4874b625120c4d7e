import { parseDuration } from './duration.ts';
import { refuseOption, refuseUnknownOptions } from './jobOptionErrors.ts';
import type { BackoffOptions, BatchOptions, PolicyOptions } from './jobOptions.ts';
import type { Backoff, JobPolicy } from './policy.ts';

const DAY_MS = 86_400_000;
const MAX_ATTEMPTS = 10_000;
const MAX_BATCH = 10_000;

/** The rules of a job definition with units fixed and defaults filled. @throws MillraceError BAD_JOB_DEFINITION, BAD_DURATION */
export function compilePolicy(options: PolicyOptions): JobPolicy {
  const at = (field: string): string => `${options.kind}: ${field}`;
  const order = readChoice(at('order'), options.order, ['strict', 'relaxed', 'none']);
  const whenBuried = readChoice(at('whenBuried'), options.whenBuried, ['continue', 'hold']);
  const delivery = readChoice(at('delivery'), options.delivery, ['at-least-once', 'at-most-once']);
  if (whenBuried === 'hold' && order !== 'strict') {
    refuseOption(at('whenBuried'), `"continue", because order is "${order}"`, whenBuried, 'Only strict order has a lane to hold');
  }
  if (options.retry !== undefined) refuseUnknownOptions(at('retry'), options.retry, ['attempts', 'backoff']);
  const once = delivery === 'at-most-once';
  const attempts = options.retry?.attempts ?? (once ? 1 : 10);
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > MAX_ATTEMPTS) {
    refuseOption(at('retry.attempts'), `a whole number from 1 to ${MAX_ATTEMPTS}`, attempts);
  }
  if (once && attempts > 1) {
    refuseOption(at('retry.attempts'), '1, because delivery is "at-most-once"', attempts, 'A second attempt would repeat what must not be repeated');
  }
  if (once && options.batch !== undefined) {
    refuseOption(at('batch'), 'no batch, because delivery is "at-most-once"', options.batch, 'A run that dies would lose the whole batch');
  }
  return Object.freeze({
    kind: options.kind,
    queue: options.queue,
    order,
    attempts,
    backoff: compileBackoff(at, options.retry?.backoff),
    timeoutMs: options.timeout === null ? null : readSpan(at('timeout'), options.timeout ?? '1m', 1, 30 * DAY_MS),
    whenBuried,
    delivery,
    batch: compileBatch(at, options.batch),
  });
}

function compileBackoff(at: (field: string) => string, given: BackoffOptions | undefined): Backoff {
  if (given !== undefined) refuseUnknownOptions(at('retry.backoff'), given, ['first', 'factor', 'max', 'jitter']);
  const { first = '1s', factor = 2, jitter = 0.5 } = given ?? {};
  const firstMs = readSpan(at('retry.backoff.first'), first, 0, 366 * DAY_MS);
  // A first wait beyond the default cap raises the cap rather than contradict it.
  const maxMs = given?.max === undefined ? Math.max(600_000, firstMs) : readSpan(at('retry.backoff.max'), given.max, 0, 366 * DAY_MS);
  if (maxMs < firstMs) refuseOption(at('retry.backoff.max'), 'no less than retry.backoff.first', given?.max, `Raise max, or lower first (${first})`);
  if (typeof factor !== 'number' || !(factor >= 1 && factor <= 100)) refuseOption(at('retry.backoff.factor'), 'a number from 1 to 100', factor);
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) refuseOption(at('retry.backoff.jitter'), 'a number from 0 to 1', jitter);
  return Object.freeze({ firstMs, factor, maxMs, jitter });
}

function compileBatch(at: (field: string) => string, batch: BatchOptions | undefined): JobPolicy['batch'] {
  if (batch === undefined) return null;
  refuseUnknownOptions(at('batch'), batch, ['maxSize', 'maxWait']);
  const { maxSize, maxWait = '100ms' } = batch;
  if (!Number.isInteger(maxSize) || maxSize < 1 || maxSize > MAX_BATCH) refuseOption(at('batch.maxSize'), `a whole number from 1 to ${MAX_BATCH}`, maxSize);
  return Object.freeze({ maxSize, maxWaitMs: readSpan(at('batch.maxWait'), maxWait, 0, 3_600_000) });
}

function readSpan(at: string, given: string, minMs: number, maxMs: number): number {
  const span = parseDuration(given, at);
  if (span < minMs || span > maxMs) refuseOption(at, `a duration from ${minMs}ms to ${maxMs / DAY_MS >= 1 ? `${maxMs / DAY_MS}d` : `${maxMs}ms`}`, given);
  return span;
}

/** The first choice is the default. */
function readChoice<T extends string>(at: string, given: T | undefined, choices: readonly [T, ...T[]]): T {
  if (given === undefined) return choices[0];
  return choices.includes(given) ? given : refuseOption(at, choices.map((choice) => `"${choice}"`).join(' or '), given);
}
