import type { Clock } from '../../runtime/clock.ts';

/** Runs what is due in one instant under one timer, as one response answers many calls. */
export function createResponses(clock: Clock): (afterMs: number, run: () => void) => void {
  const due = new Map<number, (() => void)[]>();
  return (afterMs, run) => {
    const dueMs = clock.monotonic() + afterMs;
    const together = due.get(dueMs);
    if (together !== undefined) {
      together.push(run);
      return;
    }
    const runs = [run];
    due.set(dueMs, runs);
    clock.after(afterMs, () => {
      due.delete(dueMs);
      for (const each of runs) each();
    });
  };
}
