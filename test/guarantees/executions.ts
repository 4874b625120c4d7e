import type { AttemptOutcome, JobRules, WitnessLine } from './history.ts';

/** One handler call, from its witness lines. */
export interface Execution {
  readonly start: WitnessLine;
  /** Places in the witness. */
  readonly startAt: number;
  readonly endAt: number | null;
  readonly endMs: number | null;
  readonly outcome: AttemptOutcome | null;
  /** The wait that the handler asked for. */
  readonly askedMs: number | null;
}

/** The handler calls of a history in the order of their starts. */
export function readExecutions(lines: readonly WitnessLine[]): Execution[] {
  const open = new Map<string, { -readonly [K in keyof Execution]: Execution[K] }>();
  const all: Execution[] = [];
  for (const [at, line] of lines.entries()) {
    const call = `${line.worker}/${line.run}/${line.id}`;
    if (line.type === 'start') {
      const execution = { start: line, startAt: at, endAt: null, endMs: null, outcome: null, askedMs: null };
      open.set(call, execution);
      all.push(execution);
      continue;
    }
    const execution = open.get(call);
    if (line.type !== 'end' || execution === undefined) continue;
    execution.endAt = at;
    execution.endMs = line.atMs;
    execution.outcome = line.outcome ?? null;
    execution.askedMs = line.askedMs ?? null;
  }
  return all;
}

export function byEntity(executions: readonly Execution[]): Map<string, Execution[]> {
  return Map.groupBy(executions, (execution) => execution.start.entity);
}

/** The attempt buried its job. */
export function buries(execution: Execution, rules: JobRules): boolean {
  return execution.outcome === 'dead' || (execution.outcome === 'retry' && execution.start.attempt >= rules.attempts);
}

/** After this execution the entity's next job may start. */
export function isFinal(execution: Execution, rules: JobRules): boolean {
  return execution.outcome === 'done' || (rules.whenBuried === 'continue' && buries(execution, rules));
}

/** How violations name a job. */
export function named(execution: Execution): string {
  const { entity, sequence, attempt, worker, fence } = execution.start;
  return `${entity}#${sequence} (attempt ${attempt} on ${worker}, fence ${fence})`;
}

/** What a sink sees that stores the highest fence of each entity and refuses lower ones. */
export function seenByFencedSink(lines: readonly WitnessLine[]): WitnessLine[] {
  const highest = new Map<string, number>();
  return lines.filter(({ entity, fence }) => {
    if (fence < (highest.get(entity) ?? 0)) return false;
    highest.set(entity, fence);
    return true;
  });
}
