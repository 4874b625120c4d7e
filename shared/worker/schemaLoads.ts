import type { Codec } from '../avro/codec.ts';
import type { Clock } from '../runtime/clock.ts';
import { SlowStart } from './slowStart.ts';

/** Ids come from records, and so from anybody: thousands that nobody knows must not become thousands of requests at a time. */
const MOST_AT_ONCE = 16;

/**
 * Fetches schemas that records name and this process does not know yet. A registry that does not answer is asked again for as long as it takes:
 * its outage is no reason to bury anything. From its first failure on {@link SlowStart} says how many are asked for, until all is known: a fleet
 * that comes all at once may be its next outage, and ids that somebody forged meanwhile must not hold up a good one for long.
 */
export class SchemaLoads {
  readonly #codec: Codec;
  readonly #unavailable: (schemaId: number) => void;
  readonly #waiting = new Map<number, Set<() => void>>();
  /** Ids that could not be fetched, and those that came since. */
  readonly #missed: SlowStart<number>;
  /** Ids that wait for one of the requests under way to end. */
  readonly #queued = new Set<number>();
  #underWay = 0;
  #closed = false;

  constructor(codec: Codec, clock: Clock, random: () => number, unavailable: (schemaId: number) => void) {
    this.#codec = codec;
    this.#unavailable = unavailable;
    this.#missed = new SlowStart({ clock, random, mostAtOnce: MOST_AT_ONCE, attempt: (id) => this.#load(id) });
  }

  /** Calls `then` once when the id is known, also as one that does not exist. */
  whenKnown(schemaId: number, then: () => void): void {
    const waiting = this.#waiting.get(schemaId);
    if (waiting !== undefined) {
      waiting.add(then);
      return;
    }
    this.#waiting.set(schemaId, new Set([then]));
    if (this.#missed.busy) this.#missed.add(schemaId, false);
    else if (this.#underWay >= MOST_AT_ONCE) this.#queued.add(schemaId);
    else void this.#loadAtOnce(schemaId);
  }

  close(): void {
    this.#closed = true;
    this.#missed.close();
  }

  async #loadAtOnce(schemaId: number): Promise<void> {
    this.#underWay++;
    const isLoaded = await this.#load(schemaId);
    this.#underWay--;
    if (isLoaded) {
      this.#loadNext();
      return;
    }
    this.#missed.add(schemaId, true);
    for (const queued of this.#queued) this.#missed.add(queued, false);
    this.#queued.clear();
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
}
