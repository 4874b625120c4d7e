import type { LoggedThing } from './roomLog.ts';

/** Passed entries are cut off when they are so many, and half of all. */
const CUT_AT = 1024;

/**
 * Things with their records' offsets, as the log has them. A thing that is written again stands in it twice; only where its offset is still its own it
 * counts. Two arrays of plain values instead of one of pairs: there may be millions.
 */
export class LoggedThings {
  #things: (LoggedThing | null)[] = [];
  #offsets: number[] = [];
  #head = 0;

  push(offset: number, thing: LoggedThing): void {
    this.#things.push(thing);
    this.#offsets.push(offset);
  }

  /** The first that counts; what stands before it is forgotten. */
  first(): LoggedThing | undefined {
    for (; this.#head < this.#things.length; this.#head++) {
      const thing = this.#things[this.#head] as LoggedThing;
      if (thing.logOffset === this.#offsets[this.#head]) return thing;
      this.#things[this.#head] = null;
    }
    this.#cut();
    return undefined;
  }

  /** Those that count, oldest first. What is pushed meanwhile is visited, too. */
  *oldest(): Iterable<LoggedThing> {
    this.first();
    this.#cut();
    for (let at = this.#head; at < this.#things.length; at++) {
      const thing = this.#things[at];
      if (thing !== null && thing !== undefined && thing.logOffset === this.#offsets[at]) yield thing;
    }
  }

  #cut(): void {
    if (this.#head < CUT_AT || this.#head * 2 < this.#things.length) return;
    this.#things = this.#things.slice(this.#head);
    this.#offsets = this.#offsets.slice(this.#head);
    this.#head = 0;
  }
}
