import { byEntity, named, readExecutions, type Execution } from '../executions.ts';
import type { Cut } from '../history.ts';
import type { Guarantee } from './guarantee.ts';

/** At most one attempt of an entity runs at any time. What a killed worker, or one that is frozen, left unfinished runs no more. */
export const noOverlap: Guarantee = {
  name: 'no overlap',
  rulesOut: ['two attempts of one entity at once', 'two owners of one partition'],
  check({ lines, cuts }) {
    const violations: string[] = [];
    for (const executions of byEntity(readExecutions(lines)).values()) {
      let open: Execution[] = [];
      for (const execution of executions) {
        open = open.filter((other) => (other.endAt ?? Infinity) > execution.startAt && !isCutOff(other, execution, cuts));
        for (const other of open) violations.push(`${named(execution)} started while ${named(other)} ran`);
        open.push(execution);
      }
    }
    return violations;
  },
};

/** What was cut off, or what a zombie still does: its fence tells. */
function isCutOff(running: Execution, next: Execution, cuts: readonly Cut[]): boolean {
  return cuts.some(({ type, worker, atMs }) => {
    if (atMs > next.start.atMs || type === 'outage') return false;
    if (worker === running.start.worker) return type === 'killed' || next.start.fence > running.start.fence;
    return worker === next.start.worker && type !== 'killed' && next.start.fence < running.start.fence;
  });
}
