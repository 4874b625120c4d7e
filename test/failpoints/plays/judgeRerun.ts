import { buries, readExecutions } from '../../guarantees/executions.ts';
import type { History } from '../../guarantees/history.ts';
import { attemptsBounded } from '../../guarantees/promises/attemptsBounded.ts';
import { boundedRepeats } from '../../guarantees/promises/boundedRepeats.ts';
import { findViolations } from '../../guarantees/promises/guarantee.ts';
import { keyOrder } from '../../guarantees/promises/keyOrder.ts';
import { noEarlyRetry } from '../../guarantees/promises/noEarlyRetry.ts';
import { noOverlap } from '../../guarantees/promises/noOverlap.ts';

/**
 * History that was run again: each of the jobs that were meant ran to its end, no other did, and all else is as if they ran for the first time. Dead letters and fences
 * are not looked at. Pure.
 */
export function judgeRerun(history: History): string[] {
  const meant = new Map(history.accepted.map((job) => [job.id, job]));
  const executions = readExecutions(history.lines);
  const ended = new Set(executions.filter((execution) => execution.outcome === 'done' || buries(execution, history.policy)).map(({ start }) => start.id));
  const strangers = new Map(executions.filter(({ start }) => !meant.has(start.id)).map(({ start }) => [start.id, start]));
  return [
    ...history.accepted.filter(({ id }) => !ended.has(id)).map(({ entity, sequence }) => `${entity}#${sequence} was to run again, and did not`),
    ...[...strangers.values()].map(({ entity, sequence }) => `${entity}#${sequence} ran again, and was not to`),
    ...findViolations({ held: [keyOrder, noOverlap, boundedRepeats, attemptsBounded, noEarlyRetry], givenUp: [] }, history),
  ];
}
