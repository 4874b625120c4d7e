import type { Violation } from './judge.ts';
import type { Plan } from './plan.ts';

/** What is left of a seed that was played. */
export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly virtualMs: number;
  readonly jobs: number;
  readonly starts: number;
  readonly repeats: number;
  /** How often each kind of fault was planned. */
  readonly faults: Readonly<Record<string, number>>;
}

export function countFaults({ faults }: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const fault of faults) {
    const name = 'how' in fault ? `${fault.type} ${fault.how}` : fault.type;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
