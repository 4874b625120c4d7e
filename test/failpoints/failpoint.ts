import type { Moment } from './instrument.ts';

/** What a process is in: it starts; it runs jobs; it thaws after it was frozen; it was asked to stop. */
export type Phase = (typeof phases)[number];

export const phases = ['start', 'run', 'thawed', 'stop'] as const;

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
  /** Does not return, unless another process has died there already. */
  readonly die: (armed: Armed) => void;
  /** Called at the first visit of each point in each phase. */
  readonly firstSeen?: () => void;
}

/** Where a worker commits, and where it publishes: what makes the ends of attempts durable. */
export const COMMIT_BOUNDARY = 'shared/worker/commitLoop.ts:#commit#1';
export const PUBLISH_BOUNDARY = 'shared/worker/publisher.ts:#send#2';
/** From an attempt's end to its commit: a publication under way, a dead letter, the event. */
const PUBLICATIONS_BEFORE_COMMIT = 3;

/** What instrumented sources call. All is synchronous: no turn of the event loop, no tick more than without. */
export class Failpoints {
  phase: Phase = 'start';
  /** `phase point` → visits. */
  readonly visits = new Map<string, number>();
  /** When the commit before the last acked one began, epoch ms; null: there were not two. */
  #flushedMs: number | null = null;
  #lastFlushMs: number | null = null;
  #commitMs = 0;
  readonly #publishing = new Set<number>();
  #slowestPublishMs = 0;
  readonly #armed: Armed | null;
  readonly #recording: boolean;
  readonly #die: (armed: Armed) => void;
  readonly #firstSeen: () => void;
  readonly #boundary: string;
  readonly #moment: string;
  #hits = 0;

  constructor({ armed, recording, die, firstSeen = () => undefined }: FailpointOptions) {
    this.#armed = armed;
    this.#recording = recording;
    this.#die = die;
    this.#firstSeen = firstSeen;
    const dot = armed?.point.lastIndexOf('.') ?? -1;
    this.#boundary = armed?.point.slice(0, dot) ?? '';
    this.#moment = armed?.point.slice(dot + 1) ?? '';
  }

  before(boundary: string): void {
    if (boundary === COMMIT_BOUNDARY) this.#commitMs = Date.now();
    this.#at(boundary, 'before');
  }

  /**
   * What a worker ran that had ended well before this (epoch ms) is durable, judged by its own acks: how soon they come is the machine's doing. Null:
   * it has not committed often enough to say.
   */
  get durableBeforeMs(): number | null {
    const nowMs = Date.now();
    const slowestMs = [...this.#publishing].reduce((slowest, begunMs) => Math.max(slowest, nowMs - begunMs), this.#slowestPublishMs);
    return this.#flushedMs === null ? null : this.#flushedMs - PUBLICATIONS_BEFORE_COMMIT * slowestMs;
  }

  #timePublication(publication: Promise<unknown>): void {
    const begunMs = Date.now() + this.#publishing.size / 1000; // apart from others of the same millisecond
    this.#publishing.add(begunMs);
    const ended = (): void => {
      this.#publishing.delete(begunMs);
      this.#slowestPublishMs = Math.max(this.#slowestPublishMs, Date.now() - begunMs);
    };
    publication.then(ended, ended);
  }

  left<T>(boundary: string, operand: T): T {
    if (boundary === PUBLISH_BOUNDARY && operand instanceof Promise) this.#timePublication(operand);
    this.#at(boundary, 'left');
    // Its reaction comes before that of the await, for it is given first.
    if (operand instanceof Promise) operand.then(undefined, () => { this.#at(boundary, 'failed'); });
    return operand;
  }

  back<T>(boundary: string, value: T): T {
    if (boundary === COMMIT_BOUNDARY) [this.#flushedMs, this.#lastFlushMs] = [this.#lastFlushMs, this.#commitMs];
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
      const before = this.visits.get(visit) ?? 0;
      this.visits.set(visit, before + 1);
      if (before === 0) this.#firstSeen();
    }
    if (this.#armed === null || boundary !== this.#boundary || moment !== this.#moment) return;
    if (this.#armed.phase !== 'any' && this.phase !== this.#armed.phase) return;
    this.#hits += 1;
    if (this.#hits === this.#armed.nth) this.#die(this.#armed);
  }
}
