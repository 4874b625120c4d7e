import { byEntity, named, readExecutions } from '../executions.ts';
import type { Guarantee } from './guarantee.ts';

/** An at-most-once job never runs twice, whatever happens, and none runs after a later one of its entity. */
export const atMostOnce: Guarantee = {
  name: 'at most once',
  rulesOut: ['repeat of a job that must not be repeated', 'overtaking among what is not lost'],
  check({ lines }) {
    const violations: string[] = [];
    for (const executions of byEntity(readExecutions(lines)).values()) {
      let highest = -Infinity;
      for (const execution of executions) {
        const { sequence } = execution.start;
        if (sequence === highest) violations.push(`${named(execution)} ran twice`);
        if (sequence < highest) violations.push(`${named(execution)} ran after job #${highest}`);
        highest = Math.max(highest, sequence);
      }
    }
    return violations;
  },
};
