import type { Engine } from '../engine/engine.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Attempts } from './attempts.ts';

export interface DrainsOptions {
  readonly engine: Engine<FetchedRecord>;
  readonly attempts: Pick<Attempts, 'abortWhere'>;
  readonly clock: Clock;
  /** How long attempts may go on before they are aborted. */
  readonly drainTimeoutMs: number;
  /** How long they may then take to stop. */
  readonly abortGraceMs: number;
  /** The engine was told that partitions end; what follows from it is to be performed and published. */
  readonly ending: () => void;
  /** They have ended. */
  readonly ended: () => void;
}

/** Beyond the grace: for what ended last to become durable. */
const GIVE_UP_MS = 1000;

/** Partitions on their way to other members: what runs of them ends and is made durable before the group may hand them on. */
export class Drains {
  readonly #options: DrainsOptions;
  /** What waits for a partition to be drained. */
  readonly #waits = new Map<number, (() => void)[]>();

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /** Waits until what runs has ended and is durable; after the drain timeout attempts are aborted, after the grace given up. */
  async drain(partitions: readonly number[]): Promise<void> {
    const { engine, attempts, clock, drainTimeoutMs, abortGraceMs, ending, ended } = this.#options;
    const owned = partitions.filter((number) => engine.partitions.has(number));
    const waits = owned.map((number) => new Promise<void>((resolve) => {
      this.#waits.set(number, [...(this.#waits.get(number) ?? []), resolve]);
    }));
    for (const number of owned) engine.revoke(number);
    ending();
    const cancelAbort = clock.after(drainTimeoutMs, () => {
      for (const number of owned) engine.cutShort(number);
      attempts.abortWhere((job) => partitions.includes(job.lane.partition.number), () => new MillraceError('SHUTDOWN'));
    });
    const cancelGiveUp = clock.after(drainTimeoutMs + abortGraceMs + GIVE_UP_MS, () => {
      for (const number of owned) this.drained(number);
    });
    await Promise.all(waits);
    cancelAbort();
    cancelGiveUp();
    for (const number of owned) engine.lost(number);
    ended();
  }

  /** Nothing of the partition is left to wait for. */
  drained(number: number): void {
    const waiting = this.#waits.get(number) ?? [];
    this.#waits.delete(number);
    for (const resolve of waiting) resolve();
  }
}
