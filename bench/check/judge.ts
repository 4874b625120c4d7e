import { keyOf, type Load } from '../jobs/load.ts';
import type { Run } from './journal.ts';

/** What was checked, and how it came out. */
export interface Check {
  readonly ok: boolean;
  readonly text: string;
}

/** What a contestant promises of the order of an entity's jobs; only that is held against it. */
export type Order = 'strict' | 'none';

export interface Verdict {
  /** Jobs of which no run ended them. */
  readonly lost: number;
  /** Runs of jobs that had ended before. */
  readonly repeats: number;
  /** Starts of a job of an entity after a later one of the same had started. */
  readonly inversions: number;
  /** Starts of a job of an entity before its earlier one had ended. */
  readonly overlaps: number;
}

/** Looks at all runs of one measurement, of all processes together: count, order per entity, repeats. */
export function examine(load: Load, runs: readonly Run[]): Verdict {
  const byKey = new Map<number, Run[]>();
  for (const run of runs) {
    const key = keyOf(load, run.sequence);
    const line = byKey.get(key);
    if (line === undefined) byKey.set(key, [run]);
    else line.push(run);
  }
  const ended = new Uint8Array(load.jobs);
  let [repeats, inversions, overlaps] = [0, 0, 0];
  for (const line of byKey.values()) {
    line.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
    let head: Run | null = null;
    for (const run of line) {
      const again = ended[run.sequence] === 1;
      if (again) repeats++;
      else if (head !== null && run.sequence < head.sequence) inversions++;
      else if (head !== null && run.sequence > head.sequence && (ended[head.sequence] === 0 || run.startMs < head.endMs)) overlaps++;
      if (run.ending !== 'again') ended[run.sequence] = 1;
      if (head === null || run.sequence >= head.sequence) head = run;
    }
  }
  let lost = 0;
  for (const one of ended) if (one === 0) lost++;
  return { lost, repeats, inversions, overlaps };
}

export interface JudgeOptions {
  readonly order: Order;
  /** After a crash jobs may be repeated: so many are let pass. Default 0. */
  readonly allowedRepeats?: number;
  /** The crash lost the journal of who was killed: what it ended, and nobody else ran, counts as ended. Default 0. */
  readonly allowedUnseen?: number;
}

/** Holds the verdict against what was promised. */
export function judge(load: Load, runs: readonly Run[], { order, allowedRepeats = 0, allowedUnseen = 0 }: JudgeOptions): Check {
  const { lost, repeats, inversions, overlaps } = examine(load, runs);
  const disorder = inversions + overlaps;
  const ok = lost <= allowedUnseen && repeats <= allowedRepeats && (order === 'none' || disorder === 0);
  const count = (value: number): string => value.toLocaleString('en');
  const told = [
    `${count(load.jobs - lost)} of ${count(load.jobs)} ended`,
    `${count(repeats)} repeated`,
    disorder === 0 ? 'in order per key' : `${count(inversions)} overtook and ${count(overlaps)} overlapped their key's own${order === 'none' ? ' (no order promised)' : ''}`,
  ];
  return { ok, text: told.join(', ') };
}
