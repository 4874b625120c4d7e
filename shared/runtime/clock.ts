/** Time as a dependency, so that tests and the simulator own it. */
export interface Clock {
  /** Wall clock, epoch ms. May jump; use it for due times that must survive a restart. */
  now(): number;
  /** Monotonic ms from an arbitrary start; use it for durations and timeouts. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (0 = soon, never synchronously). Returns a function that cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    // Node fires timers beyond 2^31-1 ms at once; a wait that long is cut into pieces.
    if (delayMs > LONGEST_TIMER_MS) {
      let cancel = systemClock.after(LONGEST_TIMER_MS, () => { cancel = systemClock.after(delayMs - LONGEST_TIMER_MS, run); });
      return () => { cancel(); };
    }
    const timer = setTimeout(run, Math.max(0, delayMs));
    return () => { clearTimeout(timer); };
  },
};
