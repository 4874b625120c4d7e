import type { Clock } from '../runtime/clock.ts';

/** One watched item, in the list of its timeout. */
export interface Deadline<T> {
  readonly item: T;
  readonly atMs: number;
  readonly list: DeadlineList<T>;
  before: Deadline<T> | null;
  after: Deadline<T> | null;
  watched: boolean;
}

interface DeadlineList<T> {
  first: Deadline<T> | null;
  last: Deadline<T> | null;
}

/**
 * Timeouts of many attempts with one timer. Attempts with the same timeout expire in the order in which they began, so each timeout has a
 * linked list of which only the first is watched; beginning and ending an attempt are O(1) and leave nothing behind.
 */
export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #expire: (item: T) => void;
  readonly #lists = new Map<number, DeadlineList<T>>();
  #cancel: (() => void) | null = null;
  #armedMs = Infinity;

  constructor(clock: Clock, expire: (item: T) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  watch(item: T, timeoutMs: number): Deadline<T> {
    let list = this.#lists.get(timeoutMs);
    if (list === undefined) this.#lists.set(timeoutMs, (list = { first: null, last: null }));
    const deadline: Deadline<T> = { item, atMs: this.#clock.monotonic() + timeoutMs, list, before: list.last, after: null, watched: true };
    if (list.last === null) list.first = deadline;
    else list.last.after = deadline;
    list.last = deadline;
    if (deadline.atMs < this.#armedMs) this.#arm(deadline.atMs);
    return deadline;
  }

  /** The item ended in time. Idempotent. */
  forget(deadline: Deadline<T>): void {
    if (!deadline.watched) return;
    deadline.watched = false;
    const { list, before, after } = deadline;
    if (before === null) list.first = after;
    else before.after = after;
    if (after === null) list.last = before;
    else after.before = before;
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#armedMs = Infinity;
    this.#lists.clear();
  }

  #arm(atMs: number): void {
    this.#cancel?.();
    this.#armedMs = atMs;
    this.#cancel = this.#clock.after(Math.max(0, atMs - this.#clock.monotonic()), () => { this.#fire(); });
  }

  #fire(): void {
    this.#cancel = null;
    this.#armedMs = Infinity;
    const now = this.#clock.monotonic();
    let nextMs = Infinity;
    for (const list of this.#lists.values()) {
      for (let first = list.first; first !== null && first.atMs <= now; first = list.first) {
        this.forget(first);
        this.#expire(first.item);
      }
      if (list.first !== null) nextMs = Math.min(nextMs, list.first.atMs);
    }
    if (nextMs !== Infinity) this.#arm(nextMs);
  }
}
