import type { Clock } from '../runtime/clock.ts';

interface Deadline<T> {
  readonly item: T;
  readonly atMs: number;
}

/**
 * Timeouts of many attempts with one timer: attempts with the same timeout expire in the order in which they began, so each timeout has a
 * plain queue, and only its head is watched. Ended attempts are skipped when their turn comes.
 */
export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #isOver: (item: T) => boolean;
  readonly #expire: (item: T) => void;
  readonly #queues = new Map<number, Deadline<T>[]>();
  #cancel: (() => void) | null = null;
  #armedMs = Infinity;

  constructor(clock: Clock, isOver: (item: T) => boolean, expire: (item: T) => void) {
    this.#clock = clock;
    this.#isOver = isOver;
    this.#expire = expire;
  }

  watch(item: T, timeoutMs: number): void {
    const deadline = { item, atMs: this.#clock.monotonic() + timeoutMs };
    const queue = this.#queues.get(timeoutMs);
    if (queue === undefined) this.#queues.set(timeoutMs, [deadline]);
    else queue.push(deadline);
    this.#arm(deadline.atMs);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#armedMs = Infinity;
    this.#queues.clear();
  }

  #arm(atMs: number): void {
    if (atMs >= this.#armedMs) return;
    this.#cancel?.();
    this.#armedMs = atMs;
    this.#cancel = this.#clock.after(Math.max(0, atMs - this.#clock.monotonic()), () => { this.#fire(); });
  }

  #fire(): void {
    this.#cancel = null;
    this.#armedMs = Infinity;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const [timeoutMs, queue] of this.#queues) {
      let past = 0;
      for (; past < queue.length; past++) {
        const { item, atMs } = queue[past] as Deadline<T>;
        if (this.#isOver(item)) continue;
        if (atMs > now) break;
        this.#expire(item);
      }
      if (past === queue.length) {
        this.#queues.delete(timeoutMs);
        continue;
      }
      if (past > 0) queue.splice(0, past);
      next = Math.min(next, (queue[0] as Deadline<T>).atMs);
    }
    if (next !== Infinity) this.#arm(next);
  }
}
