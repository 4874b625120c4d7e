import { isFinal, readExecutions } from '../executions.ts';
import type { AcceptedJob } from '../history.ts';
import type { Guarantee } from './guarantee.ts';

/** What was committed at any moment was finished, or in the waiting room, by then; a held job is there. */
export const commitsBehindSettled: Guarantee = {
  name: 'commits stay behind what is settled',
  rulesOut: ['commit past an attempt in flight', 'commit past a refused publish'],
  check({ accepted, lines, commits, policy }) {
    const violations: string[] = [];
    const finishedAt = new Map<string, number>();
    for (const execution of readExecutions(lines)) {
      if (execution.endAt === null || !isFinal(execution, policy)) continue;
      finishedAt.set(execution.start.id, Math.min(execution.endAt, finishedAt.get(execution.start.id) ?? Infinity));
    }
    // What was in order at one sight is so at all later ones.
    let open: AcceptedJob[] = [...accepted];
    for (const [index, { settled, waited, lines: seen }] of commits.entries()) {
      const looked = open;
      open = [];
      for (const job of looked) {
        const { id, entity, sequence, partition, offset } = job;
        const commit = settled.get(partition);
        if (commit === undefined || (offset >= commit.offset && !commit.above.has(offset))) {
          open.push(job);
          continue;
        }
        if (waited.has(`${partition}/${offset}`) || (finishedAt.get(id) ?? Infinity) < seen) continue;
        open.push(job);
        violations.push(`sight ${index + 1}: ${entity}#${sequence} (partition ${partition}, offset ${offset}) is committed, and neither finished nor waiting`);
      }
    }
    return violations;
  },
};
