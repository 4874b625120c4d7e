import type { Codec } from '../avro/codec.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * Fetches schemas that records name and this process does not know yet. A registry that does not answer is asked again, with a growing and
 * jittered wait, for as long as it takes: its outage is no reason to bury anything.
 */
export class SchemaLoads {
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #unavailable: (schemaId: number) => void;
  readonly #waiting = new Map<number, Set<() => void>>();
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
    void this.#load(schemaId);
  }

  close(): void {
    this.#closed = true;
  }

  async #load(schemaId: number): Promise<void> {
    for (let tries = 1; !this.#closed; tries++) {
      try {
        await this.#codec.load(schemaId);
        break;
      } catch {
        this.#unavailable(schemaId);
        const wait = Math.min(10_000, 100 * 2 ** Math.min(tries, 10)) * (0.5 + 0.5 * this.#random());
        await new Promise<void>((resolve) => { this.#clock.after(wait, resolve); });
      }
    }
    const waiting = this.#waiting.get(schemaId);
    this.#waiting.delete(schemaId);
    if (!this.#closed) for (const then of waiting ?? []) then();
  }
}
