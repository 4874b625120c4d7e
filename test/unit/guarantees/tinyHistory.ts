import type { AcceptedJob, AttemptOutcome, BuriedCopy, CommitSight, Cut, History, JobRules, WitnessLine } from '../../guarantees/history.ts';

export const rules: JobRules = { order: 'strict', whenBuried: 'continue', attempts: 3, backoff: { firstMs: 100, factor: 2, maxMs: 1000 } };

/** A handler call of entity `e`'s job `sequence`: on worker `w`, from `from` to `to` (null: it never ended). */
export interface Call {
  readonly sequence: number;
  readonly from: number;
  readonly to: number | null;
  readonly outcome?: AttemptOutcome;
  readonly attempt?: number;
  readonly worker?: string;
  readonly fence?: number;
  readonly round?: number;
  readonly entity?: string;
}

/** The history in which these calls were witnessed in the order of their times; every job that ran was accepted, and `more` on top. */
export function historyOf(calls: readonly Call[], more: Partial<History> & { readonly alsoAccepted?: readonly number[] } = {}): History {
  const lines: WitnessLine[] = [];
  const sequences = new Map<string, AcceptedJob>();
  const accept = (entity: string, sequence: number): AcceptedJob => {
    const job = { id: `${entity}${sequence}`, entity, sequence, partition: 0, offset: sequence };
    sequences.set(job.id, job);
    return job;
  };
  for (const [run, call] of calls.entries()) {
    const { id, entity, sequence } = accept(call.entity ?? 'e', call.sequence);
    const told = { id, entity, sequence, attempt: call.attempt ?? 1, fence: call.fence ?? 1, worker: call.worker ?? 'w', run, round: call.round ?? 0 };
    lines.push({ type: 'start', ...told, atMs: call.from });
    if (call.to === null) continue;
    lines.push({ type: 'effect', ...told, atMs: call.to }, { type: 'end', ...told, atMs: call.to, outcome: call.outcome ?? 'done' });
  }
  for (const sequence of more.alsoAccepted ?? []) accept('e', sequence);
  const rank = { end: 0, start: 1, effect: -1 };
  lines.sort((a, b) => a.atMs - b.atMs || rank[a.type] - rank[b.type]);
  return { policy: rules, accepted: [...sequences.values()], lines, cuts: [], buried: [], commits: [], flushWindowMs: 100, ...more };
}

export const killed = (worker: string, atMs: number): Cut => ({ type: 'killed', worker, atMs });
export const frozen = (worker: string, atMs: number): Cut => ({ type: 'frozen', worker, atMs });

/** A faithful DLQ copy of entity `e`'s job `sequence`, but for what is changed. */
export function buriedCopy(sequence: number, change: Partial<BuriedCopy> = {}): BuriedCopy {
  return {
    id: `e${sequence}`, attempts: 1, reason: 'dead', firstFailure: 'DEAD', lastFailure: 'DEAD', copy: { key: 'a2V5', value: 'dmFsdWU=' },
    origin: { key: 'a2V5', value: 'dmFsdWU=', timestampMs: 7 }, originTimestampMs: 7, ...change,
  };
}

/** Partition 0 was committed up to `offset` when `lines` lines were written. */
export function sight(offset: number, lines: number, more: { readonly above?: readonly number[]; readonly waited?: readonly number[] } = {}): CommitSight {
  return { settled: new Map([[0, { offset, above: new Set(more.above) }]]), waited: new Set((more.waited ?? []).map((one) => `0/${one}`)), lines };
}
