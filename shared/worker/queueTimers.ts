import type { Clock } from '../runtime/clock.ts';

const TICK_FLOOR_MS = 1;

export interface QueueTimersOptions {
  readonly clock: Clock;
  readonly flushIntervalMs: number;
  /** When a tick is wanted, epoch ms; null: at no time. */
  readonly nextTickMs: () => number | null;
  readonly tick: () => void;
  readonly flush: () => void;
}

/** When a queue's runner has something to do by time alone: a tick when something is due, and a flush each interval. */
export class QueueTimers {
  readonly #options: QueueTimersOptions;
  #cancelFlush: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;
  #tickAtMs = Infinity;
  #stopped = false;

  constructor(options: QueueTimersOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    const { clock, flushIntervalMs, flush } = this.#options;
    this.#cancelFlush = clock.after(flushIntervalMs, () => {
      flush();
      this.start();
    });
  }

  /** Looks whether the next tick is wanted sooner than it was. */
  armTick(): void {
    const { clock, nextTickMs, tick } = this.#options;
    const at = nextTickMs();
    if (at === null || at >= this.#tickAtMs) return;
    this.#cancelTick?.();
    this.#tickAtMs = at;
    this.#cancelTick = clock.after(Math.max(TICK_FLOOR_MS, at - clock.now()), () => {
      this.#tickAtMs = Infinity;
      tick();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelFlush?.();
    this.#cancelTick?.();
  }
}
