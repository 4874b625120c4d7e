import type { Clock } from './clock.ts';

/** Smaller steps of the wall clock, and its slewing, are followed at once. */
const FOLLOWED_MS = 250;
/** A larger step counts once it has lasted so long. */
const BELIEVED_AFTER_MS = 60_000;
/** How often the wall clock is looked at: each job asks for the time several times. */
const LOOK_EVERY_MS = 5;

/**
 * A clock whose wall time does not step with the machine's: an hour's jump (a wrong NTP answer, somebody's `date -s`) would start every retry
 * at once, or none for an hour, and would bury what has a time limit. A step that lasts a minute is believed: the machine slept, or its clock
 * was put right.
 */
export function createSteadyClock(clock: Clock): Clock {
  let aheadMs = clock.now() - clock.monotonic();
  let step: { readonly aheadMs: number; readonly sinceMs: number } | null = null;
  let lookedMs = -Infinity;

  return {
    now() {
      let monotonicMs = clock.monotonic();
      // Not a millisecond less for a rounding error.
      if (monotonicMs - lookedMs < LOOK_EVERY_MS) return Math.floor(aheadMs + monotonicMs + 0.001);
      const wallMs = clock.now();
      // After the wall clock: where the thread was held up in between, what is shown until the next look is late rather than early.
      monotonicMs = clock.monotonic();
      lookedMs = monotonicMs;
      const saidMs = wallMs - monotonicMs;
      if (Math.abs(saidMs - aheadMs) <= FOLLOWED_MS) {
        aheadMs = saidMs;
        step = null;
      } else if (step === null || Math.abs(saidMs - step.aheadMs) > FOLLOWED_MS) {
        step = { aheadMs: saidMs, sinceMs: monotonicMs };
      } else if (monotonicMs - step.sinceMs >= BELIEVED_AFTER_MS) {
        aheadMs = saidMs;
        step = null;
      }
      return Math.floor(aheadMs + monotonicMs + 0.001);
    },
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, run),
  };
}
