import type { MillraceError } from '../errors/MillraceError.ts';
import type { Isolation } from '../jobs/jobDefinition.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Sandbox, StartSandbox } from './sandbox.ts';

/** A job that waits for a sandbox. */
export interface Waiter {
  /** False once it will not come any more: its partition is somebody else's now. Asked before and after it is called. */
  isWaiting(): boolean;
  /** A sandbox is kept for it: it shall come and {@link SandboxPool.take} it. */
  call(): void;
}

/** How the pool names a kind: two queues may each have one of the same name. */
export function placeOf(queue: string, kind: string): string {
  return `${queue}/${kind}`;
}

export interface SandboxPoolOptions {
  /** Isolated kinds, named by {@link placeOf}. */
  readonly kinds: ReadonlyMap<string, Isolation>;
  /** Processes at once, over all kinds. */
  readonly max: number;
  readonly start: StartSandbox;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface KindState {
  readonly isolation: Isolation;
  readonly idle: Sandbox[];
  readonly waiting: Waiter[];
  /** Called, not yet come: as many idle sandboxes are kept for them. */
  called: Waiter[];
  starting: number;
  /** All of its sandboxes: starting, idle and busy. */
  alive: number;
  /** Which of all starts its last one was: of two kinds without a sandbox, the one that had one longer ago goes first. */
  lastStart: number;
  failedStarts: number;
  retryAtMs: number;
}

/** Who was called may never come; so often that is looked at while anybody waits. */
const LOOK_EVERY_MS = 500;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;
/** A sandbox that keeps this share of its memory after an attempt is replaced: what one attempt left must not cost the next one its end. */
const TIRED_SHARE = 0.7;

/**
 * The sandboxes of a worker: at most so many processes at once, each for one kind, each running one attempt at a time. Who finds none waits in
 * line; a kind that waits and has none gets the next place that falls free, whoever else waits longer.
 */
export class SandboxPool {
  readonly #options: SandboxPoolOptions;
  readonly #kinds = new Map<string, KindState>();
  readonly #all = new Set<Sandbox>();
  #starts = 0;
  #cancelLook: (() => void) | null = null;
  #closed = false;

  constructor(options: SandboxPoolOptions) {
    this.#options = options;
    for (const [kind, isolation] of options.kinds) {
      this.#kinds.set(kind, { isolation, idle: [], waiting: [], called: [], starting: 0, alive: 0, lastStart: 0, failedStarts: 0, retryAtMs: -Infinity });
    }
  }

  /** Starts a sandbox of each kind, so that a module that cannot be loaded is known now. @throws MillraceError SANDBOX_NOT_STARTED */
  async start(): Promise<void> {
    for (const kind of this.#kinds.keys()) {
      if (this.#closed) return;
      this.#makePlace(kind);
      const { sandbox, settled } = this.#launch(kind);
      await sandbox.ready;
      await settled;
    }
  }

  /** An idle sandbox of the kind, or null: then {@link wait}. Give it back by {@link release}. @param waiter who was called, if it was */
  take(kind: string, waiter: Waiter | null): Sandbox | null {
    const state = this.#stateOf(kind);
    const place = waiter === null ? -1 : state.called.indexOf(waiter);
    if (place >= 0) state.called.splice(place, 1);
    else {
      this.#dropGone(state);
      if (state.waiting.length > 0 || state.called.length >= state.idle.length) return null;
    }
    return state.idle.pop() ?? null;
  }

  /** Lines up; it is called when a sandbox is kept for it. */
  wait(kind: string, waiter: Waiter): void {
    this.#stateOf(kind).waiting.push(waiter);
    this.#look();
  }

  /** The attempt in it has ended. */
  release(sandbox: Sandbox): void {
    const state = this.#stateOf(sandbox.kind);
    if (!this.#all.has(sandbox)) return;
    if (sandbox.rssBytes > state.isolation.maxMemoryBytes * TIRED_SHARE || this.#someKindStarves()) this.#retire(sandbox);
    else state.idle.push(sandbox);
    this.#look();
  }

  /** Ends all processes, whatever they do. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook?.();
    const all = [...this.#all];
    for (const sandbox of all) sandbox.kill();
    await Promise.all(all.map((sandbox) => sandbox.gone));
  }

  /** A kind has jobs and not one sandbox, and there is no place for one. */
  #someKindStarves(): boolean {
    if (this.#all.size < this.#options.max) return false;
    for (const state of this.#kinds.values()) {
      this.#dropGone(state);
      if (state.waiting.length > 0 && state.alive === 0 && this.#options.clock.monotonic() >= state.retryAtMs) return true;
    }
    return false;
  }

  #stateOf(kind: string): KindState {
    return this.#kinds.get(kind) as KindState;
  }

  /** Calls those for whom a sandbox is idle, and starts sandboxes for those for whom none is. */
  #look(): void {
    if (this.#closed) return;
    for (const state of this.#kinds.values()) {
      this.#dropGone(state);
      while (state.called.length < state.idle.length) {
        const next = state.waiting.shift();
        if (next === undefined) break;
        state.called.push(next);
        next.call();
      }
    }
    for (const [kind, state] of this.#hungryFirst()) this.#startWanted(kind, state);
    const anyWaits = [...this.#kinds.values()].some((state) => state.waiting.length > 0 || state.called.length > 0);
    if (!anyWaits || this.#cancelLook !== null) return;
    this.#cancelLook = this.#options.clock.after(LOOK_EVERY_MS, () => {
      this.#cancelLook = null;
      this.#look();
    });
  }

  #hungryFirst(): [string, KindState][] {
    return [...this.#kinds].sort(([, one], [, other]) => one.alive - other.alive || one.lastStart - other.lastStart);
  }

  #dropGone(state: KindState): void {
    if (state.called.length > 0) state.called = state.called.filter((waiter) => waiter.isWaiting());
    while (state.waiting.length > 0 && state.waiting[0]?.isWaiting() === false) state.waiting.shift();
  }

  #startWanted(kind: string, state: KindState): void {
    while (state.waiting.length > state.starting && this.#options.clock.monotonic() >= state.retryAtMs && this.#makePlace(kind)) {
      const { settled } = this.#launch(kind);
      void settled;
    }
  }

  /** At the bound, a sandbox that idles for nobody makes place. */
  #makePlace(kind: string): boolean {
    if (this.#all.size < this.#options.max) return true;
    for (const [other, state] of this.#kinds) {
      if (other === kind || state.idle.length <= state.called.length) continue;
      this.#retire(state.idle[0] as Sandbox);
      return true;
    }
    return false;
  }

  #retire(sandbox: Sandbox): void {
    this.#forget(sandbox);
    sandbox.kill();
  }

  #forget(sandbox: Sandbox): void {
    if (!this.#all.delete(sandbox)) return;
    const state = this.#stateOf(sandbox.kind);
    state.alive--;
    const place = state.idle.indexOf(sandbox);
    if (place >= 0) state.idle.splice(place, 1);
  }

  #launch(kind: string): { readonly sandbox: Sandbox; readonly settled: Promise<void> } {
    const { start, logger } = this.#options;
    const state = this.#stateOf(kind);
    const sandbox = start(kind, state.isolation, ({ level, fields, message }) => { logger[level]({ kind, ...(JSON.parse(fields) as object) }, message); });
    this.#all.add(sandbox);
    state.alive++;
    state.lastStart = ++this.#starts;
    state.starting++;
    void sandbox.gone.then(() => {
      this.#forget(sandbox);
      this.#look();
    });
    return { sandbox, settled: this.#settleStart(sandbox, state) };
  }

  async #settleStart(sandbox: Sandbox, state: KindState): Promise<void> {
    try {
      await sandbox.ready;
      state.starting--;
      state.failedStarts = 0;
      if (!this.#all.has(sandbox)) return;
      state.idle.push(sandbox);
      this.#look();
    } catch (error) {
      state.starting--;
      // What cannot be started is no fault of the jobs: they wait, as for a registry that is down.
      const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(state.failedStarts++, 10));
      state.retryAtMs = this.#options.clock.monotonic() + waitMs;
      if (!this.#closed) this.#options.logger.error({ err: error as MillraceError, kind: sandbox.kind }, 'a sandbox could not be started; its jobs wait');
    }
  }
}
