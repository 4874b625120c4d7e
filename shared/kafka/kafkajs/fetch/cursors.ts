/** Where reading one topic-partition stands. */
export interface Cursor {
  readonly topic: string;
  readonly partition: number;
  /** Where the next fetch starts. */
  offset: number;
  paused: boolean;
  /** Rises with every pause, resume and loss: an answer to a question of an earlier epoch is thrown away. */
  epoch: number;
  /** The epoch of the fetch under way; null: none. */
  fetching: number | null;
  /** Not asked before this (monotonic ms), after a failure. */
  notBeforeMs: number;
  failures: number;
}

/** The cursors of what a consumer owns. New ones are paused. */
export class Cursors {
  readonly #byKey = new Map<string, Cursor>();
  #epochs = 0;

  add(topic: string, partition: number): void {
    this.#byKey.set(key(topic, partition), { topic, partition, offset: 0, paused: true, epoch: ++this.#epochs, fetching: null, notBeforeMs: 0, failures: 0 });
  }

  remove(topic: string, partition: number): void {
    const cursor = this.#byKey.get(key(topic, partition));
    if (cursor !== undefined) this.pause(cursor);
    this.#byKey.delete(key(topic, partition));
  }

  get(topic: string, partition: number): Cursor | undefined {
    return this.#byKey.get(key(topic, partition));
  }

  pause(cursor: Cursor): void {
    cursor.paused = true;
    cursor.epoch = ++this.#epochs;
  }

  resume(cursor: Cursor, offset: number): void {
    cursor.paused = false;
    cursor.epoch = ++this.#epochs;
    cursor.offset = offset;
    cursor.notBeforeMs = 0;
    cursor.failures = 0;
  }

  /** Those that may be asked for now: running, and no fetch of their present epoch is under way. */
  *ready(nowMs: number): Iterable<Cursor> {
    for (const cursor of this.#byKey.values()) {
      if (!cursor.paused && cursor.fetching !== cursor.epoch && cursor.notBeforeMs <= nowMs) yield cursor;
    }
  }

  /** When the next one that waits after a failure may be asked for; null: none waits. */
  nextRetryMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const cursor of this.#byKey.values()) {
      if (!cursor.paused && cursor.notBeforeMs > nowMs && (next === null || cursor.notBeforeMs < next)) next = cursor.notBeforeMs;
    }
    return next;
  }

  get active(): boolean {
    for (const cursor of this.#byKey.values()) if (!cursor.paused) return true;
    return false;
  }
}

function key(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
