import { byEntity, isFinal, named, readExecutions, type Execution } from '../executions.ts';
import type { JobRules } from '../history.ts';
import type { Guarantee } from './guarantee.ts';

/**
 * Strict order of each entity, also through retries: job n+1 never starts before n is done, or buried under `continue`. What a cut
 * repeats is the replay of a suffix: after an old job ran again, all that had run after it run again too.
 */
export const keyOrder: Guarantee = {
  name: 'key order',
  rulesOut: ['overtaking', 'overtaking a waiting job', 'a lone old job after its successors', 'a successor of a held job that runs'],
  check({ accepted, lines, policy }) {
    const sequences = Map.groupBy(accepted, ({ entity }) => entity);
    const violations: string[] = [];
    for (const [entity, executions] of byEntity(readExecutions(lines))) {
      const order = (sequences.get(entity) ?? []).map(({ sequence }) => sequence).sort((a, b) => a - b);
      violations.push(...findOvertaking(executions, order, policy), ...findLoneReplays(executions, policy));
    }
    return violations;
  },
};

function findOvertaking(executions: readonly Execution[], order: readonly number[], rules: JobRules): string[] {
  const finalAt = new Map<number, number>();
  for (const execution of executions) {
    const { sequence } = execution.start;
    if (execution.endAt !== null && isFinal(execution, rules)) finalAt.set(sequence, Math.min(execution.endAt, finalAt.get(sequence) ?? Infinity));
  }
  /** By place in the order: from where on all jobs before it were final. */
  const openFrom = new Map<number, number>();
  let from = -1;
  for (const sequence of order) {
    openFrom.set(sequence, from);
    from = Math.max(from, finalAt.get(sequence) ?? Infinity);
  }
  return executions
    .filter(({ start, startAt }) => startAt < (openFrom.get(start.sequence) ?? -1))
    .map((execution) => `${named(execution)} started while an earlier job of its entity was not finished`);
}

function findLoneReplays(executions: readonly Execution[], rules: JobRules): string[] {
  const violations: string[] = [];
  const finished = new Set<number>();
  const lastStart = new Map<number, number>();
  for (const { start, startAt } of executions) lastStart.set(start.sequence, startAt);
  let highest = -Infinity;
  const ends = executions.filter((execution) => isFinal(execution, rules)).sort((a, b) => (a.endAt ?? 0) - (b.endAt ?? 0));
  let ended = 0;
  for (const execution of executions) {
    for (let end = ends[ended]; end !== undefined && (end.endAt ?? 0) < execution.startAt; end = ends[++ended]) finished.add(end.start.sequence);
    const { sequence } = execution.start;
    if (finished.has(sequence)) {
      for (let later = sequence + 1; later <= highest; later++) {
        if ((lastStart.get(later) ?? Infinity) < execution.startAt) violations.push(`${named(execution)} ran again after its successor #${later}, which did not`);
      }
    }
    highest = Math.max(highest, sequence);
  }
  return violations;
}
