import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { EffectOwner } from '../inbox/inbox.ts';
import { parseDuration } from '../jobs/duration.ts';
import type { AttemptEffects, HeldLock, JobTransaction, LockChoice, LockOptions } from '../jobs/jobEffects.ts';
import type { Freed } from '../locks/lockTable.ts';
import type { Lease } from '../locks/locks.ts';
import type { WorkerEffects } from './workerEffects.ts';

/** How an effect came out. `suppressed`: it had landed before. `refused`: the attempt has no right to it any more. */
export type EffectEnd = 'landed' | 'suppressed' | 'refused';

export interface AttemptOfEffects {
  readonly owner: EffectOwner;
  /** Why nothing of this attempt may land any more, as far as this process knows. */
  readonly refusal: () => MillraceError | null;
  /** Stops the attempt. */
  readonly abort: (reason: MillraceError) => void;
  readonly ended: (end: EffectEnd) => void;
}

const LEASE_MS = 30_000;
const SHORTEST_LEASE_MS = 1000;
const LONGEST_LEASE_MS = 3_600_000;
const MAX_NAME_LENGTH = 500;
/** With the database away, a job looks again after so long, and up to half as long again. */
const AWAY_MS = 5000;

/** Set while the work of a transaction runs: another one inside it would wait for a connection, or for itself. */
const inside = new AsyncLocalStorage<true>();

/** What one attempt does to the database, and the locks that it holds. */
export class JobEffects implements AttemptEffects {
  /** The last lock that was not to be had, and who waits for it. */
  busyWith: Freed | null = null;
  readonly #tools: WorkerEffects;
  readonly #attempt: AttemptOfEffects;
  readonly #held = new Map<string, Lease>();
  readonly #steps = new Set<string>();
  #lock: Lease | null = null;

  constructor(tools: WorkerEffects, attempt: AttemptOfEffects) {
    this.#tools = tools;
    this.#attempt = attempt;
  }

  get lock(): HeldLock | null {
    return this.#lock === null ? null : { name: this.#lock.name, token: this.#lock.token };
  }

  async once<T>(step: string, work: (tx: JobTransaction) => Promise<T>): Promise<T> {
    const { owner, ended } = this.#attempt;
    const at = `job ${owner.jobId} of ${owner.queue}`;
    if (inside.getStore() === true) throw new MillraceError('BAD_EFFECT', { at, expected: 'one transaction at a time', got: 'one inside another', fix: 'Use the tx that is there' });
    if (this.#steps.has(step)) {
      throw new MillraceError('BAD_EFFECT', { at, expected: step === '' ? 'one transaction an attempt' : 'each step once an attempt', got: step === '' ? 'a second one' : step, fix: 'Give each its own name: ctx.once(name, work)' });
    }
    this.#steps.add(step);
    try {
      const refused = this.#refusal();
      if (refused !== null) throw refused;
      const { value, suppressed } = await this.#tools.inbox.land<T>({
        owner, step, locks: () => [...this.#held.values()], refusal: () => this.#refusal(), work: (tx) => inside.run(true, () => work(tx)),
      });
      ended(suppressed ? 'suppressed' : 'landed');
      return value;
    } catch (error) {
      this.#steps.delete(step);
      if (isMillraceError(error, 'FENCED') || isMillraceError(error, 'LOCK_LOST')) ended('refused');
      throw error;
    }
  }

  async withLock<T>(name: string, work: (lock: HeldLock) => Promise<T> | T, { lease: leaseText }: LockOptions = {}): Promise<T> {
    const lease = await this.#take(name, leaseText);
    try {
      return await work({ name: lease.name, token: lease.token });
    } finally {
      // Of an attempt that was given up, the lock was let go before; then this does nothing.
      await this.#giveBack(lease);
    }
  }

  /** Takes the lock of the kind's `lock` option. @throws as {@link withLock} */
  async takeJobLock(choice: LockChoice): Promise<void> {
    if (choice === null || choice === undefined) return;
    const { name, lease } = typeof choice === 'string' ? { name: choice } : choice;
    this.#lock = await this.#take(name, lease);
  }

  /** The handler has ended: nothing is held any more. */
  async giveBackAll(): Promise<void> {
    await Promise.all([...this.#held.values()].map((lease) => this.#giveBack(lease)));
  }

  /** The attempt was given up while its handler still runs: what it holds becomes free when its lease is over. */
  letGoAll(): void {
    for (const lease of this.#held.values()) lease.letGo();
  }

  async #take(name: string, leaseText: string | undefined): Promise<Lease> {
    const { owner, abort } = this.#attempt;
    const { locks, workerId, random } = this.#tools;
    const at = `job ${owner.jobId} of ${owner.queue}`;
    if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) throw new MillraceError('BAD_LOCK', { at, expected: `a name of 1 to ${MAX_NAME_LENGTH} characters`, got: name });
    if (this.#held.has(name)) throw new MillraceError('BAD_LOCK', { at, expected: 'a lock that this attempt does not hold already', got: name });
    const leaseMs = leaseText === undefined ? LEASE_MS : parseDuration(leaseText, `lease of lock ${name}`);
    if (leaseMs < SHORTEST_LEASE_MS || leaseMs > LONGEST_LEASE_MS) throw new MillraceError('BAD_LOCK', { at, expected: 'a lease of 1 s to 1 h', got: leaseText });
    const refused = this.#refusal();
    if (refused !== null) throw refused;

    const waiter = waiterOf(owner);
    const answer = await locks.take({ name, leaseMs, waiter, holder: `${workerId} ${waiter}`, lost: abort }).catch((error: unknown) => {
      if (!isMillraceError(error) || !error.retriable) throw error;
      throw new MillraceError('EFFECTS_UNAVAILABLE', { at: `lock ${name}`, got: error, cause: error, retryAfterMs: Math.ceil(AWAY_MS * (1 + 0.5 * random())) });
    });
    if ('busyForMs' in answer) {
      this.busyWith = { name, waiter };
      throw new MillraceError('LOCK_BUSY', { at: `lock ${JSON.stringify(name)}`, retryAfterMs: answer.busyForMs });
    }
    const over = this.#refusal();
    if (over !== null) {
      await answer.free();
      throw over;
    }
    this.#held.set(name, answer);
    return answer;
  }

  async #giveBack(lease: Lease): Promise<void> {
    if (!this.#held.delete(lease.name)) return;
    await lease.free();
  }

  #refusal(): MillraceError | null {
    return this.#attempt.refusal();
  }
}

const MAX_WAITER_LENGTH = 300;

/** The same for each attempt of a job; ids may be long, and a notification must not be. */
function waiterOf({ queue, jobId }: EffectOwner): string {
  const waiter = `${queue}/${jobId}`;
  return waiter.length <= MAX_WAITER_LENGTH ? waiter : createHash('sha256').update(waiter).digest('hex');
}
