import type { Engine } from '../engine/engine.ts';
import { commitFailed, committed, takeCommit, type CommitRequest } from '../engine/flush.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Consumer, FetchedRecord } from '../kafka/port.ts';
import type { Pulse } from './pulse.ts';
import type { QueueRunnerOptions } from './queueRunnerOptions.ts';

/** Commits wait so long for others to share their request, unless something waits for the commit itself. */
const GATHER_MS = 20;

/** Commits what the engine says may be committed: one request under way at a time, all partitions in it. */
export class CommitLoop {
  readonly #options: QueueRunnerOptions;
  readonly #engine: Engine<FetchedRecord>;
  readonly #consumer: Consumer;
  readonly #pulse: Pulse;
  readonly #after: () => void;
  #underWay = false;
  #lastMs = -Infinity;
  #waiting = false;

  /** @param after called when a commit has ended, either way */
  constructor(options: QueueRunnerOptions, engine: Engine<FetchedRecord>, consumer: Consumer, pulse: Pulse, after: () => void) {
    this.#pulse = pulse;
    this.#options = options;
    this.#engine = engine;
    this.#consumer = consumer;
    this.#after = after;
  }

  /** Commits soon, if there is something to commit. */
  kick(): void {
    if (this.#underWay || this.#waiting || !this.#isDue()) return;
    const { clock } = this.#options;
    const wait = this.#isUrgent() ? 0 : this.#lastMs + GATHER_MS - clock.monotonic();
    if (wait <= 0) {
      void this.#commit();
      return;
    }
    this.#waiting = true;
    clock.after(wait, () => {
      this.#waiting = false;
      if (!this.#underWay && this.#isDue()) void this.#commit();
    });
  }

  #isDue(): boolean {
    for (const partition of this.#engine.partitions.values()) if (partition.commitDue) return true;
    return false;
  }

  #isUrgent(): boolean {
    for (const partition of this.#engine.partitions.values()) if (partition.commitDue && (partition.draining || partition.phase === 'confirming')) return true;
    return false;
  }

  async #commit(): Promise<void> {
    const { topics, clock, observer } = this.#options;
    const requests: CommitRequest[] = [];
    for (const partition of this.#engine.partitions.values()) {
      const request = takeCommit(partition);
      if (request !== null) requests.push(request);
    }
    if (requests.length === 0) return;
    this.#underWay = true;
    this.#lastMs = clock.monotonic();
    this.#pulse.sent('commit');
    let ok = false;
    try {
      await this.#consumer.commit(requests.map(({ partition, main, retry }) => ({
        partition: partition.number,
        positions: [{ topic: topics.main, ...main }, { topic: topics.retry, ...retry }],
      })));
      ok = true;
    } catch (error) {
      observer.commitFailed(isMillraceError(error) ? error.code : 'UNKNOWN');
    }
    this.#underWay = false;
    this.#pulse.ended('commit', ok ? 'done' : 'refused');
    const now = clock.now();
    for (const request of requests) {
      if (ok) committed(this.#engine, request, now);
      else commitFailed(request);
    }
    if (ok) this.#engine.takeInBacklog(now);
    this.#after();
    if (ok) this.kick();
  }
}
