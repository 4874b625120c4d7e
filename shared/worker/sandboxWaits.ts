import type { Engine } from '../engine/engine.ts';
import type { Job } from '../engine/job.ts';
import type { Sandbox } from '../isolation/sandbox.ts';
import { placeOf, type SandboxPool, type Waiter } from '../isolation/sandboxPool.ts';
import type { FetchedRecord } from '../kafka/port.ts';

export interface SandboxWaitsOptions {
  readonly engine: Engine<FetchedRecord>;
  readonly sandboxes: SandboxPool;
  readonly queue: string;
  /** A sandbox is free: the job may begin. */
  readonly unpark: (job: Job) => void;
}

/** The jobs of a queue that wait for a sandbox. They wait outside the engine's slots, so that they take none from kinds that need no sandbox. */
export class SandboxWaits {
  readonly #options: SandboxWaitsOptions;
  /** How jobs that wait, or waited, were lined up. */
  readonly #waiters = new WeakMap<Job, Waiter>();

  constructor(options: SandboxWaitsOptions) {
    this.#options = options;
  }

  /** A sandbox for the job; null: none is free, and the job is called when one is. */
  take(job: Job): Sandbox | null {
    const { engine, sandboxes, queue, unpark } = this.#options;
    const place = placeOf(queue, job.kind);
    const sandbox = sandboxes.take(place, this.#waiters.get(job) ?? null);
    if (sandbox !== null) return sandbox;
    engine.park(job);
    const waiter: Waiter = {
      isWaiting: () => engine.isToBegin(job),
      call: () => { unpark(job); },
    };
    this.#waiters.set(job, waiter);
    sandboxes.wait(place, waiter);
    return null;
  }
}
