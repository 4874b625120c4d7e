import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;
/** After an outage: from one round to the next, until as many are tried at a time as may be. */
const RAMP_WAIT_MS = 1000;

export interface SlowStartOptions<T> {
  readonly clock: Clock;
  /** In [0, 1); spreads a fleet. */
  readonly random: () => number;
  readonly mostAtOnce: number;
  /** Resolves with whether the item is done with; never rejects. */
  readonly attempt: (item: T) => Promise<boolean>;
}

/**
 * Goes on trying what somebody else was not there for, without being the herd that fells him again: one at a time while he is away, with waits
 * from 0.2 to 10 s; once he answers, twice as many each second, up to the most at once (TCP's slow start); after a failure one at a time again.
 * What was never tried comes before what has failed. Waits are jittered by half.
 */
export class SlowStart<T> {
  readonly #options: SlowStartOptions<T>;
  readonly #fresh = new Set<T>();
  readonly #failed = new Set<T>();
  #underWay = false;
  #closed = false;

  constructor(options: SlowStartOptions<T>) {
    this.#options = options;
  }

  /** Some items are not done with: a new one belongs to them. */
  get busy(): boolean {
    return this.#underWay;
  }

  /** @param tried in vain, and so a while ago */
  add(item: T, tried: boolean): void {
    (tried ? this.#failed : this.#fresh).add(item);
    if (!this.#underWay) void this.#run();
  }

  delete(item: T): void {
    this.#fresh.delete(item);
    this.#failed.delete(item);
  }

  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    const { attempt, mostAtOnce } = this.#options;
    this.#underWay = true;
    let [failures, width] = [1, 1];
    while (this.#fresh.size + this.#failed.size > 0 && !this.#closed) {
      if (failures > 0) await this.#pass(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10)));
      else if (width < mostAtOnce) await this.#pass(RAMP_WAIT_MS);
      if (this.#closed) break;
      const round = this.#take(width);
      const done = await Promise.all(round.map(attempt));
      for (const [index, item] of round.entries()) if (done[index] === false) this.#failed.add(item);
      const all = done.every(Boolean);
      failures = all ? 0 : done.some(Boolean) ? 1 : failures + 1;
      width = all ? Math.min(mostAtOnce, width * 2) : 1;
    }
    this.#underWay = false;
  }

  /** Those that failed get their turn last, should they be the only ones that fail. */
  #take(count: number): T[] {
    const taken: T[] = [];
    for (const items of [this.#fresh, this.#failed]) {
      for (const item of items) {
        if (taken.length === count) return taken;
        items.delete(item);
        taken.push(item);
      }
    }
    return taken;
  }

  #pass(ms: number): Promise<void> {
    const { clock, random } = this.#options;
    return sleep(clock, ms * (0.5 + 0.5 * random()));
  }
}
