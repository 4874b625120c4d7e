import type { Database } from '../database/port.ts';
import type { MillraceError } from '../errors/MillraceError.ts';
import { lockLost } from '../inbox/inbox.ts';
import type { HeldLock } from '../jobs/jobEffects.ts';
import type { Clock } from '../runtime/clock.ts';
import { FREED_CHANNEL, freeLock, renewLock, takeLock, TURN_MS, type Freed, type LockRequest } from './lockTable.ts';

export interface LocksOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface LockWish extends LockRequest {
  /** The lease ended before the lock was given back: from now on it may be another's. Called at most once. */
  readonly lost: (error: MillraceError) => void;
}

/** A lock that this process holds; it renews it until one of the two. */
export interface Lease extends HeldLock {
  /** Gives the lock back. Never fails, and takes two seconds at most: if the database does not answer, the lease ends by itself. */
  free(): Promise<void>;
  /** Renews it no more: whoever has it may still be at work, so others get it only after its lease. */
  letGo(): void;
}

/** How often a lease is renewed while it runs. */
const RENEWALS = 3;
const JITTER_MS = 250;
const FREE_PATIENCE_MS = 2000;
/** Who waits looks again at least so often: a worker that takes over waiting jobs has heard no call for them. */
const LONGEST_LOOK_MS = 30_000;
/** Nobody asks for longer. */
const ASKING_MS = 120_000;

function askerOf({ name, waiter }: Freed): string {
  return JSON.stringify([name, waiter]);
}

interface Waiting {
  /** As in {@link LockRequest}. */
  readonly waiter: string;
  /** When it looks again by itself, monotonic. */
  readonly untilMs: number;
  /** @returns false when it does not wait any more */
  readonly wake: () => boolean;
}

/** Locks in the database, by lease: of a name there is one holder at a time, over all processes. */
export class Locks {
  readonly #options: LocksOptions;
  /** In the order in which they began to wait here. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  /** Who asks for a lock, or was told that it is busy and does not wait yet: since when (monotonic), and whether its turn came meanwhile. */
  readonly #asking = new Map<string, { readonly sinceMs: number; called: boolean }>();
  /** Cancels the looks at locks whose turn somebody else had; by name. */
  readonly #looks = new Map<string, () => void>();
  #listening: Promise<() => Promise<void>> | null = null;
  #closed = false;

  constructor(options: LocksOptions) {
    this.#options = options;
  }

  /** Takes the lock, or says in how long it is worth asking again; until then the waiter keeps its place in the line. @throws as `Session.query` */
  async take(wish: LockWish): Promise<Lease | { readonly busyForMs: number }> {
    const { database, clock, random } = this.#options;
    await this.#listen();
    // Before the question: so that our lease never ends later here than there.
    const askedMs = clock.monotonic();
    const asker = askerOf(wish);
    this.#asking.set(asker, { sinceMs: askedMs, called: false });
    const answer = await takeLock(database, wish);
    if ('token' in answer) {
      this.#asking.delete(asker);
      return this.#hold(wish, answer.token, askedMs);
    }
    const leftMs = answer.leftMs > 0 ? Math.min(answer.leftMs, LONGEST_LOOK_MS) : Math.max(0, TURN_MS + answer.leftMs);
    return { busyForMs: Math.ceil(leftMs + JITTER_MS * (0.2 + 0.8 * random())) };
  }

  /** Wakes a waiter when its turn has come, or when whoever had the turn let it pass. */
  whenFree(name: string, waiting: Waiting): void {
    if (this.#closed) return;
    const asker = askerOf({ name, waiter: waiting.waiter });
    const called = this.#asking.get(asker)?.called === true;
    this.#asking.delete(asker);
    if (called) {
      this.#options.clock.after(0, waiting.wake);
      return;
    }
    const line = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, line.add(waiting));
  }

  /** Drops what waits no more; to be called now and then. */
  prune(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [name, line] of this.#waiting) {
      for (const one of line) if (one.untilMs < nowMs) line.delete(one);
      if (line.size === 0) this.#waiting.delete(name);
    }
    for (const [asker, { sinceMs }] of this.#asking) if (sinceMs < nowMs - ASKING_MS) this.#asking.delete(asker);
  }

  /** Listens no more; what is held goes on being renewed until it is given back. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const cancel of this.#looks.values()) cancel();
    this.#looks.clear();
    const stop = await this.#listening?.catch(() => null);
    await stop?.();
  }

  #hold({ name, leaseMs, lost }: LockWish, token: number, askedMs: number): Lease {
    const { database, clock } = this.#options;
    let over = false;
    let endsMs = askedMs + leaseMs;
    let cancelRenewal = (): void => undefined;
    let cancelEnd = (): void => undefined;
    const end = (): boolean => {
      const was = over;
      over = true;
      cancelRenewal();
      cancelEnd();
      return !was;
    };
    const lose = (): void => { if (end()) lost(lockLost(name, token)); };
    const awaitEnd = (): void => {
      cancelEnd();
      cancelEnd = clock.after(Math.max(0, endsMs - clock.monotonic()), lose);
    };
    const renewLater = (): void => {
      cancelRenewal = clock.after(leaseMs / RENEWALS, () => {
        const renewedMs = clock.monotonic();
        renewLock(database, name, token, leaseMs).then((kept) => {
          if (over) return;
          if (!kept) {
            lose();
            return;
          }
          endsMs = renewedMs + leaseMs;
          awaitEnd();
          renewLater();
        }, () => { if (!over) renewLater(); });
      });
    };
    awaitEnd();
    renewLater();
    return {
      name, token,
      letGo: () => { end(); },
      async free() {
        if (!end()) return;
        const asked = freeLock(database, name, token).catch(() => undefined);
        let cancel = (): void => undefined;
        const late = new Promise<void>((resolve) => { cancel = clock.after(FREE_PATIENCE_MS, resolve); });
        await Promise.race([asked, late]);
        cancel();
      },
    };
  }

  /** Without it a waiter would notice only when the holder's lease would have ended; so a database that lets nobody listen costs time alone. */
  async #listen(): Promise<void> {
    if (this.#closed) return;
    this.#listening ??= this.#options.database.listen(FREED_CHANNEL, (payload) => { this.#freed(JSON.parse(payload) as Freed); }, () => { this.#wakeAll(); });
    await this.#listening.catch(() => { this.#listening = null; });
  }

  #freed({ name, waiter }: Freed): void {
    const asking = this.#asking.get(askerOf({ name, waiter }));
    if (asking !== undefined) asking.called = true;
    const line = this.#waiting.get(name);
    if (line === undefined) return;
    for (const one of line) {
      if (one.waiter !== waiter) continue;
      line.delete(one);
      one.wake();
    }
    const { clock, random } = this.#options;
    this.#looks.get(name)?.();
    this.#looks.set(name, clock.after(TURN_MS + JITTER_MS * (0.2 + 0.8 * random()), () => {
      this.#looks.delete(name);
      this.#wakeFirst(name);
    }));
  }

  #wakeFirst(name: string): void {
    const line = this.#waiting.get(name);
    if (line === undefined) return;
    for (const first of line) {
      line.delete(first);
      if (line.size === 0) this.#waiting.delete(name);
      if (first.wake()) return;
    }
  }

  /** The news of some locks may have been missed. */
  #wakeAll(): void {
    for (const name of [...this.#waiting.keys()]) this.#wakeFirst(name);
  }
}
