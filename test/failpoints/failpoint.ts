import type { Moment } from './instrument.ts';

/** What a process is in: it starts; it runs jobs; it thaws after it was frozen; it was asked to stop. */
export type Phase = 'start' | 'run' | 'thawed' | 'stop';

/** Where a process shall die: the nth time that it comes to the point, in this phase of its life. */
export interface Armed {
  readonly point: string;
  readonly phase: Phase | 'any';
  readonly nth: number;
}

export interface FailpointOptions {
  readonly armed: Armed | null;
  /** Counts every visit; else only the armed point costs anything. */
  readonly recording: boolean;
  /** Does not return. */
  readonly die: (armed: Armed) => void;
}

/** Where a worker commits. */
export const COMMIT_BOUNDARY = 'shared/worker/commitLoop.ts:#commit#1';

/** What instrumented sources call. All is synchronous: no turn of the event loop, no tick more than without. */
export class Failpoints {
  phase: Phase = 'start';
  /** `phase point` → visits. */
  readonly visits = new Map<string, number>();
  /** Epoch ms at which the commit before the last acked one began; null: there were not two. What had ended well before it is durable. */
  flushedMs: number | null = null;
  #lastFlushMs: number | null = null;
  #commitMs = 0;
  readonly #armed: Armed | null;
  readonly #recording: boolean;
  readonly #die: (armed: Armed) => void;
  readonly #boundary: string;
  readonly #moment: string;
  #hits = 0;

  constructor({ armed, recording, die }: FailpointOptions) {
    this.#armed = armed;
    this.#recording = recording;
    this.#die = die;
    const dot = armed?.point.lastIndexOf('.') ?? -1;
    this.#boundary = armed?.point.slice(0, dot) ?? '';
    this.#moment = armed?.point.slice(dot + 1) ?? '';
  }

  before(boundary: string): void {
    if (boundary === COMMIT_BOUNDARY) this.#commitMs = Date.now();
    this.#at(boundary, 'before');
  }

  left<T>(boundary: string, operand: T): T {
    this.#at(boundary, 'left');
    // Its reaction comes before that of the await, for it is given first.
    if (operand instanceof Promise) operand.then(undefined, () => { this.#at(boundary, 'failed'); });
    return operand;
  }

  back<T>(boundary: string, value: T): T {
    if (boundary === COMMIT_BOUNDARY) [this.flushedMs, this.#lastFlushMs] = [this.#lastFlushMs, this.#commitMs];
    this.#at(boundary, 'back');
    return value;
  }

  next(boundary: string): void {
    this.#at(boundary, 'next');
  }

  callback<T>(boundary: string, callback: T): T {
    if (typeof callback !== 'function') return callback;
    const wrapped = (...given: unknown[]): unknown => {
      this.#at(boundary, 'called');
      const answer = (callback as (...given: unknown[]) => unknown)(...given);
      this.#at(boundary, 'returned');
      return answer;
    };
    return wrapped as T;
  }

  #at(boundary: string, moment: Moment): void {
    if (this.#recording) {
      const visit = `${this.phase} ${boundary}.${moment}`;
      this.visits.set(visit, (this.visits.get(visit) ?? 0) + 1);
    }
    if (this.#armed === null || boundary !== this.#boundary || moment !== this.#moment) return;
    if (this.#armed.phase !== 'any' && this.phase !== this.#armed.phase) return;
    this.#hits += 1;
    if (this.#hits === this.#armed.nth) this.#die(this.#armed);
  }
}
