import type { Clock } from './clock.ts';

export interface PatienceOptions<T> {
  readonly clock: Clock;
  /** How long each is waited for; it may be a tenth more. */
  readonly patienceMs: number;
  readonly lost: (one: T) => void;
}

/**
 * Waits for many, for each as long: one timer for all, and to begin and to end a wait costs an entry of a map. Time in which this process stands still
 * does not count; where it does, and times differ, there is `worker/deadlines.ts`.
 */
export interface Patience<T> {
  /** From now on. It must not be waited for already. */
  begin(one: T): void;
  /** It came, or nobody waits for it any more. @returns whether it was in time */
  end(one: T): boolean;
}

/** Patience is counted in so many ticks: while this process itself stands still, only one passes, and what waits to be read is not late. */
const TICKS = 10;

export function createPatience<T>({ clock, patienceMs, lost }: PatienceOptions<T>): Patience<T> {
  /** In the order of their coming, with the tick after which each was waited for too long. */
  const waiting = new Map<T, number>();
  let tick = 0;
  let ticking = false;

  const beat = (): void => {
    tick += 1;
    try {
      for (const [one, lastTick] of waiting) {
        if (lastTick > tick) break;
        waiting.delete(one);
        lost(one);
      }
    } finally {
      ticking = waiting.size > 0;
      if (ticking) clock.after(patienceMs / TICKS, beat);
    }
  };

  return {
    begin(one) {
      // The tick that has begun may be nearly over.
      waiting.set(one, tick + (ticking ? TICKS + 1 : TICKS));
      if (ticking) return;
      ticking = true;
      clock.after(patienceMs / TICKS, beat);
    },
    end: (one) => waiting.delete(one),
  };
}
