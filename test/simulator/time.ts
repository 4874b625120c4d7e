import { createProcessClock, type ProcessClock, type VirtualClock } from '../../shared/testing/index.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

/** What the wall clock shows when a run begins. */
export const START_MS = Date.UTC(2030, 0, 1);

/** Times are multiples of this part of a millisecond: binary fractions add up exactly, so no timer is ever early by a rounding error. */
const GRAINS_PER_MS = 64;

/** Virtual time for everybody: fine enough that things seldom coincide, with a wall clock of whole milliseconds as every real one. */
export function createGrainedClock(clock: VirtualClock): Clock {
  return {
    now: () => Math.floor(clock.now()),
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(Math.ceil(delayMs * GRAINS_PER_MS) / GRAINS_PER_MS, run),
  };
}

/** The clocks of one process: it can be frozen, and its wall clock can be wrong. */
export interface SimulatedProcessClock extends ProcessClock {
  jump(byMs: number): void;
}

export function createSimulatedProcessClock(shared: Clock): SimulatedProcessClock {
  const clock = createProcessClock(shared);
  let aheadMs = 0;
  return { ...clock, now: () => clock.now() + aheadMs, jump: (byMs) => { aheadMs += byMs; } };
}
