import type { Codec } from '../avro/codec.ts';
import type { Clock } from '../runtime/clock.ts';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;
/** After an outage: from one answer to the next question, until all is known again. */
const CATCH_UP_WAIT_MS = 1000;
/** Ids come from records, and so from anybody: thousands that nobody knows must not become thousands of requests at a time. */
const MOST_AT_ONCE = 16;

/**
 * Fetches schemas that records name and this process does not know yet. A registry that does not answer is asked again, with a growing and
 * jittered wait, for as long as it takes: its outage is no reason to bury anything. From its first failure on one request at a time is made,
 * however many schemas are waited for, and slowly also when it is back: a fleet that comes all at once may be its next outage.
 */
export class SchemaLoads {
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #unavailable: (schemaId: number) => void;
  readonly #waiting = new Map<number, Set<() => void>>();
  /** Ids that could not be fetched, the one to be asked for next first. */
  readonly #missed = new Set<number>();
  /** Ids that wait for one of the requests under way to end. */
  readonly #queued = new Set<number>();
  #underWay = 0;
  #probing = false;
  #closed = false;

  constructor(codec: Codec, clock: Clock, random: () => number, unavailable: (schemaId: number) => void) {
    this.#codec = codec;
    this.#clock = clock;
    this.#random = random;
    this.#unavailable = unavailable;
  }

  /** Calls `then` once when the id is known, also as one that does not exist. */
  whenKnown(schemaId: number, then: () => void): void {
    const waiting = this.#waiting.get(schemaId);
    if (waiting !== undefined) {
      waiting.add(then);
      return;
    }
    this.#waiting.set(schemaId, new Set([then]));
    if (this.#probing) this.#missed.add(schemaId);
    else if (this.#underWay >= MOST_AT_ONCE) this.#queued.add(schemaId);
    else void this.#loadAtOnce(schemaId);
  }

  close(): void {
    this.#closed = true;
  }

  async #loadAtOnce(schemaId: number): Promise<void> {
    this.#underWay++;
    const isLoaded = await this.#load(schemaId);
    this.#underWay--;
    if (isLoaded) {
      this.#loadNext();
      return;
    }
    for (const missed of [schemaId, ...this.#queued]) this.#missed.add(missed);
    this.#queued.clear();
    if (this.#probing) return;
    this.#probing = true;
    for (let failures = 1; this.#missed.size > 0 && !this.#closed;) {
      const full = failures === 0 ? CATCH_UP_WAIT_MS : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10));
      await this.#pass(full * (0.5 + 0.5 * this.#random()));
      if (this.#closed) return;
      // The others get their turn first, should this be the only one that fails.
      const next = this.#missed.values().next().value as number;
      this.#missed.delete(next);
      if (await this.#load(next)) {
        failures = 0;
      } else {
        failures++;
        this.#missed.add(next);
      }
    }
    this.#probing = false;
  }

  #loadNext(): void {
    const next = this.#queued.values().next().value;
    if (next === undefined || this.#closed) return;
    this.#queued.delete(next);
    void this.#loadAtOnce(next);
  }

  async #load(schemaId: number): Promise<boolean> {
    try {
      await this.#codec.load(schemaId);
    } catch {
      if (!this.#closed) this.#unavailable(schemaId);
      return false;
    }
    const waiting = this.#waiting.get(schemaId);
    this.#waiting.delete(schemaId);
    if (!this.#closed) for (const then of waiting ?? []) then();
    return true;
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => { this.#clock.after(ms, resolve); });
  }
}
