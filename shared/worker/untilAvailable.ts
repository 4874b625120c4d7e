import { isMillraceError, type MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';

export interface Persistence {
  readonly clock: Clock;
  /** In [0, 1); spreads the tries of a fleet. */
  readonly random: () => number;
  /** Ends the waiting: then the last failure is thrown. */
  readonly signal: AbortSignal;
  /** Told of each failure, and how long it is until the next try. */
  readonly failed: (error: MillraceError, nextTryMs: number) => void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/**
 * Does what needs somebody else, and does it again for as long as that one is away: waits grow from 250 ms to 10 s, half of each by chance.
 * @throws what says that trying again is of no use
 */
export async function untilAvailable<T>(work: () => Promise<T>, { clock, random, signal, failed }: Persistence): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isMillraceError(error) || !error.retriable || signal.aborted) throw error;
      const waitMs = Math.round(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries, 10)) * (0.5 + 0.5 * random()));
      failed(error, waitMs);
      await new Promise<void>((resolve) => {
        const cancel = clock.after(waitMs, () => { signal.removeEventListener('abort', stop); resolve(); });
        const stop = (): void => { cancel(); resolve(); };
        signal.addEventListener('abort', stop, { once: true });
      });
      if (signal.aborted) throw error;
    }
  }
}
