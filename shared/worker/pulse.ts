import type { Clock } from '../runtime/clock.ts';

/** Requests of one sort: how many are under way, how many have ended, either way. */
interface Requests {
  underWay: number;
  ended: number;
}

type Sort = 'publication' | 'commit';

/** What a runner's health shows in. */
export interface PulseReading {
  /** Attempts and batches begun. */
  readonly begun: number;
  /** How often the flush loop has turned. */
  readonly turns: number;
  /** Epoch ms at which Kafka last refused something, or did not answer in time. */
  readonly refusedMs: number;
  readonly requests: Readonly<Record<Sort, Readonly<Requests>>>;
}

/** Counts what a runner's loops do. Where nothing ends and nothing is refused, a loop hangs: drivers end every request within 15 s. */
export class Pulse implements PulseReading {
  readonly #clock: Clock;
  readonly requests: Record<Sort, Requests> = { publication: { underWay: 0, ended: 0 }, commit: { underWay: 0, ended: 0 } };
  begun = 0;
  turns = 0;
  refusedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(sort: Sort): void {
    this.requests[sort].underWay++;
  }

  ended(sort: Sort, how: 'done' | 'refused'): void {
    this.requests[sort].underWay--;
    this.requests[sort].ended++;
    if (how === 'refused') this.refused();
  }

  refused(): void {
    this.refusedMs = this.#clock.now();
  }
}
