import { named, readExecutions, type Execution } from '../executions.ts';
import type { Guarantee } from './guarantee.ts';

/** Workers count in whole milliseconds, and their clock and the witness's are read one after the other. */
const CLOCK_GRAIN_MS = 2;

/** A failed attempt's successor starts no earlier than the backoff says. */
export const noEarlyRetry: Guarantee = {
  name: 'no early retry',
  rulesOut: ['retry before its time', 'retry at once after a restart'],
  check({ lines, policy: { backoff } }) {
    const violations: string[] = [];
    const executions = readExecutions(lines);
    const ofAttempt = Map.groupBy(executions, ({ start: { id, round, attempt } }) => `${id}/${round}/${attempt}`);
    for (const execution of executions) {
      const { id, round, attempt, atMs } = execution.start;
      if (attempt === 1) continue;
      const failed = (ofAttempt.get(`${id}/${round}/${attempt - 1}`) ?? []).findLast((one): one is Execution & { endMs: number } => one.outcome === 'retry' && one.endMs !== null && one.endMs <= atMs);
      if (failed === undefined) continue;
      const waitMs = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (attempt - 2));
      const waitedMs = atMs - failed.endMs;
      if (waitedMs < waitMs - CLOCK_GRAIN_MS) violations.push(`${named(execution)} started ${Math.round(waitedMs)} ms after a failure that asks for ${waitMs} ms`);
    }
    return violations;
  },
};
