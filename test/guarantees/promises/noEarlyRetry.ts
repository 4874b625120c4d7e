import { named, readExecutions, type Execution } from '../executions.ts';
import { excuses } from './boundedRepeats.ts';
import type { Guarantee } from './guarantee.ts';

/** Workers count in whole milliseconds, and their clock and the witness's are read one after the other. */
const CLOCK_GRAIN_MS = 2;

/** A failed attempt's successor starts no earlier than the backoff says. */
export const noEarlyRetry: Guarantee = {
  name: 'no early retry',
  rulesOut: ['retry before its time', 'retry at once after a restart'],
  check({ lines, cuts, flushWindowMs, policy: { backoff } }) {
    const violations: string[] = [];
    const executions = readExecutions(lines);
    const ofAttempt = Map.groupBy(executions, ({ start: { id, round, attempt } }) => `${id}/${round}/${attempt}`);
    for (const execution of executions) {
      const { id, round, attempt, atMs } = execution.start;
      const before = [attempt, attempt - 1].flatMap((number) => ofAttempt.get(`${id}/${round}/${number}`) ?? [])
        .filter((one): one is Execution & { endMs: number } => one.endMs !== null && one.endMs <= atMs && one.startAt < execution.startAt)
        .reduce<(Execution & { endMs: number }) | null>((latest, one) => (latest === null || one.startAt > latest.startAt ? one : latest), null);
      if (before === null || (before.outcome === 'retry' ? before.start.attempt !== attempt - 1 : before.outcome !== 'snooze')) continue;
      // A snooze that was not durable is forgotten; a forgotten failure shows by its number.
      if (before.outcome === 'snooze' && cuts.some((cut) => cut.worker === before.start.worker && excuses(cut, before, flushWindowMs))) continue;
      const waitMs = before.askedMs ?? Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (attempt - 2));
      const waitedMs = atMs - before.endMs;
      if (waitedMs < waitMs - CLOCK_GRAIN_MS) violations.push(`${named(execution)} started ${Math.round(waitedMs)} ms after a ${before.outcome === 'snooze' ? 'snooze' : 'failure'} that asks for ${waitMs} ms`);
    }
    return violations;
  },
};
