import { named, readExecutions, type Execution } from '../executions.ts';
import type { Cut, History } from '../history.ts';
import type { Guarantee } from './guarantee.ts';

/**
 * An attempt runs again only if a cut caught it in flight, or ended within the last flush before the cut. So a run without cuts
 * (clean stops, hand-overs between live workers) repeats nothing.
 */
export const boundedRepeats: Guarantee = {
  name: 'bounded repeats',
  rulesOut: ['repeat after a clean stop', 'repeat after a hand-over', 'repeat of what ended long before a kill'],
  check({ lines, cuts, flushWindowMs }) {
    const violations: string[] = [];
    const last = new Map<string, Execution>();
    const isZombie = ({ start }: Execution): boolean => cutsOf(start.worker).some(({ type, atMs }) => (type === 'frozen' || type === 'expelled') && atMs <= start.atMs);
    const cutsOf = (name: string): readonly Cut[] => cuts.filter(({ worker }) => worker === name);
    for (const execution of readExecutions(lines)) {
      const { id, round, attempt } = execution.start;
      const attemptOfJob = `${id}/${round}/${attempt}`;
      const before = last.get(attemptOfJob);
      // What a zombie still does is told by its fence; a sink refuses it.
      if (before !== undefined && execution.start.fence < before.start.fence && isZombie(execution)) continue;
      last.set(attemptOfJob, execution);
      if (before === undefined) continue;
      // What was aborted counts for nothing by design, whoever runs it next; what was snoozed was asked to come again.
      if (before.outcome === 'aborted' || before.outcome === 'snooze') continue;
      const mine = cutsOf(before.start.worker).filter(({ atMs }) => atMs <= execution.start.atMs);
      const cut = mine[0];
      if (cut === undefined) violations.push(`${named(execution)} repeats what ${before.start.worker} ran, and nothing happened to that worker`);
      else if (!mine.some((one) => excuses(one, before, flushWindowMs))) {
        violations.push(`${named(execution)} repeats what had ended ${Math.round(cut.atMs - (before.endMs ?? 0))} ms before ${before.start.worker} was ${cut.type}`);
      }
    }
    return violations;
  },
};

/** What {@link before} did may be done again elsewhere, for the cut caught it in flight or not yet durable. */
export function excuses({ atMs, sinceMs = atMs, untilMs = Infinity }: Cut, before: Execution, flushWindowMs: number): boolean {
  if (before.start.atMs > untilMs) return false;
  return before.endMs === null || before.endMs >= Math.min(sinceMs, atMs - flushWindowMs);
}

/** For the record: how many executions repeated an earlier one, and how long before the cut the oldest of those had ended (ms). */
export function measureRepeats({ lines, cuts }: History): { readonly repeats: number; readonly oldestMs: number } {
  const last = new Map<string, Execution>();
  let repeats = 0;
  let oldestMs = 0;
  for (const execution of readExecutions(lines)) {
    const { id, round, attempt } = execution.start;
    const before = last.get(`${id}/${round}/${attempt}`);
    last.set(`${id}/${round}/${attempt}`, execution);
    if (before === undefined) continue;
    repeats++;
    const cut = cuts.find(({ worker }) => worker === before.start.worker);
    if (cut !== undefined && before.endMs !== null) oldestMs = Math.max(oldestMs, cut.atMs - before.endMs);
  }
  return { repeats, oldestMs: Math.round(oldestMs) };
}
