import type { Clock } from '../../runtime/clock.ts';

/** Sleeps that can be cut short. One sleeper has one sleep at a time. */
export class Sleeper {
  readonly #clock: Clock;
  #wake: (() => void) | null = null;
  #woken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `ms`, or at once when {@link wake} is called meanwhile or was called since the last sleep. */
  async sleep(ms: number): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(ms, () => { this.wake(); });
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#woken = false;
  }

  wake(): void {
    this.#woken = true;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** How long to wait before retry number `attempt` (from 1): doubling from 50 ms to 1 s, a random half of it cut off so that clients spread. */
export function retryDelayMs(attempt: number): number {
  const longest = Math.min(1000, 50 * 2 ** Math.min(attempt - 1, 10));
  return longest * (0.5 + Math.random() / 2);
}

/** Resolves with `promise`, or with `late` after `ms`. */
export async function within<T, L>(clock: Clock, ms: number, promise: Promise<T>, late: L): Promise<T | L> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<L>((resolve) => { cancel = clock.after(ms, () => { resolve(late); }); });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    cancel();
  }
}
