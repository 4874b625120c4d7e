import { buries, named, readExecutions } from '../executions.ts';
import type { Guarantee } from './guarantee.ts';

/** Attempts are numbered from 1 without gaps, none is above the policy's number, and a finished job gets no further one. */
export const attemptsBounded: Guarantee = {
  name: 'attempts bounded',
  rulesOut: ['attempt beyond the policy', 'attempt that was skipped', 'attempts reset by a crash', 'attempt after the last'],
  check({ lines, policy }) {
    const violations: string[] = [];
    const highest = new Map<string, number>();
    const finished = new Map<string, number>();
    for (const execution of readExecutions(lines)) {
      const { id, round, attempt } = execution.start;
      const job = `${id}/${round}`;
      const before = highest.get(job) ?? 0;
      if (attempt > policy.attempts) violations.push(`${named(execution)} is beyond ${policy.attempts} attempts`);
      if (attempt > before + 1) violations.push(`${named(execution)} came without attempt ${before + 1}`);
      const finishedIn = finished.get(job);
      // A repeat, which another promise bounds, may end otherwise.
      if (finishedIn !== undefined && attempt <= finishedIn) finished.delete(job);
      else if (finishedIn !== undefined) violations.push(`${named(execution)} came after the job was finished by attempt ${finishedIn}`);
      highest.set(job, Math.max(before, attempt));
      if (execution.outcome === 'done' || buries(execution, policy)) finished.set(job, attempt);
    }
    return violations;
  },
};
