import { Fifo } from './fifo.ts';

const LONGEST_CALM_MS = 60_000;

/**
 * What one partition has to publish to one topic, in order: one group under way at a time, a refused group is offered again as it
 * was, after a growing wait, for as long as it takes. So nothing is lost and nothing overtakes.
 *
 * After an outage, for as long as it lasted (at most a minute), groups are kept apart: what had to wait would otherwise come as many small ones.
 */
export class Outbox<T> {
  readonly #queue = new Fifo<T>();
  #group: T[] | null = null;
  #sending = false;
  #ends = 0;
  #failures = 0;
  #retryAtMs = 0;
  readonly #apartMs: number;
  #failingSinceMs = 0;
  #calmUntilMs = 0;
  #notBeforeMs = 0;

  /** @param apartMs from one group to the next after an outage */
  constructor(apartMs = 0) {
    this.#apartMs = apartMs;
  }

  put(item: T): void {
    this.#queue.push(item);
  }

  /** Items not acked yet. */
  get pending(): number {
    return this.#queue.length + (this.#group?.length ?? 0);
  }

  /** Groups that were appended or refused; for health. */
  get ends(): number {
    return this.#ends;
  }

  get sending(): boolean {
    return this.#sending;
  }

  /** When a refused group may be sent again; null when nothing waits for that. */
  get retryAtMs(): number | null {
    return this.#group !== null && !this.#sending ? this.#retryAtMs : null;
  }

  /** The group to send now, or null. `sizeOf` is asked once per item, in order; a group holds at least one item. */
  take(now: number, maxItems: number, maxBytes: number, sizeOf: (item: T) => number): T[] | null {
    if (this.#sending) return null;
    if (this.#group !== null) {
      if (now < this.#retryAtMs) return null;
      this.#sending = true;
      return this.#group;
    }
    if (this.#queue.length === 0 || now < this.#notBeforeMs) return null;
    const group: T[] = [];
    let bytes = 0;
    for (let item = this.#queue.peek(); item !== undefined && group.length < maxItems; item = this.#queue.peek()) {
      const size = sizeOf(item);
      if (group.length > 0 && bytes + size > maxBytes) break;
      bytes += size;
      group.push(item);
      this.#queue.shift();
    }
    this.#group = group;
    this.#sending = true;
    return group;
  }

  /** The group under way was appended; returns it. */
  acked(now: number): T[] {
    const group = this.#group ?? [];
    this.#group = null;
    this.#sending = false;
    this.#ends++;
    if (this.#failures > 0) this.#calmUntilMs = now + Math.min(LONGEST_CALM_MS, now - this.#failingSinceMs);
    this.#failures = 0;
    if (now < this.#calmUntilMs) this.#notBeforeMs = now + this.#apartMs;
    return group;
  }

  /** The group under way failed or its fate is unknown. Returns how often in a row. */
  failed(now: number, random: number): number {
    this.#sending = false;
    this.#ends++;
    if (this.#failures++ === 0) this.#failingSinceMs = now;
    this.#retryAtMs = now + Math.min(5000, 50 * 2 ** Math.min(this.#failures, 10)) * (0.5 + 0.5 * random);
    return this.#failures;
  }
}
