import type { Clock } from '../../shared/runtime/clock.ts';
import { sleep } from '../../shared/runtime/sleeps.ts';

/** Asks again and again. Resolves with true once the condition holds, with false when the time is over or `signal` aborted. */
export async function until(
  clock: Clock, condition: () => boolean | Promise<boolean>, { everyMs, withinMs, signal }: { readonly everyMs: number; readonly withinMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const deadlineMs = clock.monotonic() + withinMs;
  while (!(await condition())) {
    if (signal.aborted || clock.monotonic() > deadlineMs) return false;
    await sleep(clock, everyMs);
  }
  return true;
}
