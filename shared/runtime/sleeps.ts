import type { Clock } from './clock.ts';

/** Resolves after `ms`. Where the sleeper's owner may end meanwhile, see {@link createSleeps}. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => { clock.after(ms, resolve); });
}

/** Any number of sleeps, which end with their owner at the latest. */
export interface Sleeps {
  /** Resolves after `ms`; at once when {@link end} is called meanwhile, or was before. */
  sleep(ms: number): Promise<void>;
  /** For good. */
  end(): void;
}

/** @param signal ends them too, when it is aborted */
export function createSleeps(clock: Clock, signal?: AbortSignal): Sleeps {
  const under = new Set<() => void>();
  let ended = signal?.aborted === true;
  const end = (): void => {
    ended = true;
    signal?.removeEventListener('abort', end);
    for (const over of [...under]) over();
  };
  if (!ended) signal?.addEventListener('abort', end);
  return {
    sleep: (ms) => new Promise((resolve) => {
      if (ended) {
        resolve();
        return;
      }
      const over = (): void => {
        cancel();
        under.delete(over);
        resolve();
      };
      const cancel = clock.after(ms, over);
      under.add(over);
    }),
    end,
  };
}

const RETRY_MS = [100, 500, 1000, 2000, 5000] as const;

/** How long to wait before a piece of background work that has failed `failures` times in a row (from 1) is tried again: 0.1 s to 5 s. */
export function retryPauseMs(failures: number): number {
  return RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? RETRY_MS[0];
}
