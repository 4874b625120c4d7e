import type { Clock } from '../runtime/clock.ts';

/** One process's view of a clock that it shares with others: it can be stopped while time goes on for them. */
export interface ProcessClock extends Clock {
  /** No timer runs until {@link thaw}, as under SIGSTOP. Freeze the process's broker connection with it (`faults.freeze`). */
  freeze(): void;
  /** Timers that came due meanwhile run soon, in the order of their due times. */
  thaw(): void;
}

export function createProcessClock(shared: Clock): ProcessClock {
  let frozen = false;
  let missed: (() => void)[] = [];

  const schedule = (delayMs: number, run: () => void): (() => void) => {
    let cancelled = false;
    let cancelTimer = (): void => undefined;
    const fire = (): void => {
      if (cancelled) return;
      // Each goes back over the shared clock, so that one thawed timer may freeze the process again.
      if (frozen) missed.push(() => { cancelTimer = shared.after(0, fire); });
      else run();
    };
    cancelTimer = shared.after(delayMs, fire);
    return () => {
      cancelled = true;
      cancelTimer();
    };
  };

  return {
    now: () => shared.now(),
    monotonic: () => shared.monotonic(),
    after: schedule,
    freeze: () => { frozen = true; },
    thaw() {
      frozen = false;
      const due = missed;
      missed = [];
      for (const again of due) again();
    },
  };
}
