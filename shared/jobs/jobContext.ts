import { MillraceError } from '../errors/MillraceError.ts';
import { WHOLE_JOB, type AttemptEffects, type HeldLock, type JobTransaction, type LockOptions } from './jobEffects.ts';

/** One method of {@link JobLogger}: fields and a message, or a message alone (as pino has it). */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** Writes log lines that carry the job's id, kind, queue, partition, offset and attempt. */
export interface JobLogger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** Set in attempts of a replay: history that is run again on purpose, beside the queue's own work. */
export interface ReplayMark {
  /** The replay's, as it was started. */
  readonly name: string;
}

/** What a run of a schedule stands for. */
export interface ScheduleTick {
  /** The schedule's name. */
  readonly schedule: string;
  /** The tick, which may be long past where it was made up for; of a run that somebody asked for: when they did. */
  readonly at: Date;
}

/** What a handler knows about its attempt. Read what you need (destructuring works); its parts are made when first read. */
export interface JobContext {
  /**
   * Aborted when the attempt should stop; `signal.reason` is a MillraceError: TIMEOUT (the attempt counts as failed), LEASE_LOST
   * (somebody else owns the partition now, write nothing more), SHUTDOWN (the worker's drain time is over). After these two
   * the job runs again elsewhere, and the attempt is not held against it. CANCELLED (an operator ended the job): answer done if it is, else anything.
   * LOCK_LOST (a lock of the attempt may be another's by now; the attempt counts as failed).
   */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly attempt: number;
  /** The same through all attempts, DLQ and redrive: use it to make effects idempotent. */
  readonly id: string;
  /** The entity; null only for kinds with order `none`. */
  readonly key: string | null;
  readonly kind: string;
  readonly queue: string;
  readonly logger: JobLogger;
  /**
   * Fencing token: the epoch of the worker's lease on the entity's partition. For one entity it never falls, and rises with each
   * new owner. A sink that stores the highest it saw and refuses lower ones is safe from workers that were frozen and woke.
   */
  readonly fence: number;
  /** When the job was enqueued. */
  readonly enqueuedAt: Date;
  /**
   * Says how far the attempt is, 0 to 1 (what lies outside is cut to that), and in a few words (500 characters) at what, for the status. Call it as
   * often as you like: of what was said between two flushes (100 ms) the last is told. @throws MillraceError BAD_PROGRESS for what is no number
   */
  readonly progress: (fraction: number, note?: string) => void;
  /**
   * Runs `work`'s statements and a note that this job did them as one transaction of the worker's database: however often the job runs, they have
   * their effect once; a later run is given what the first gave back. That must be JSON of at most 4,096 bytes, and comes back as JSON kept it. Use `tx` alone
   * inside; what else `work` does may happen more than once. Once an attempt; for several steps use {@link once}. Guarantees and limits: docs/effects.md.
   * @throws MillraceError NO_DATABASE, BAD_EFFECT, BAD_RESULT; FENCED (another worker owns the job's partition), LOCK_LOST, EFFECTS_UNAVAILABLE (the database is
   *   away): let these pass, the job runs again; what `work` throws. In each case nothing of it stands
   */
  readonly transaction: <T>(work: (tx: JobTransaction) => Promise<T>) => Promise<T>;
  /** As {@link transaction}, for one of several steps of a job: each name is a transaction of its own, and done once. */
  readonly once: <T>(step: string, work: (tx: JobTransaction) => Promise<T>) => Promise<T>;
  /**
   * Runs `work` while no other attempt, of any queue in any process with this database, holds the lock `name`. While it runs the lease is renewed; if it is lost all
   * the same, {@link signal} is aborted with LOCK_LOST, and no {@link transaction} of this attempt lands. Locks are given back when `work` ends.
   * @throws MillraceError LOCK_BUSY: let it pass, and the job waits for the lock without a slot, uses no attempt, and runs from its start again; BAD_LOCK, NO_DATABASE,
   *   EFFECTS_UNAVAILABLE; what `work` throws
   */
  readonly withLock: <T>(name: string, work: (lock: HeldLock) => Promise<T> | T, options?: LockOptions) => Promise<T>;
  /** What the kind's `lock` option took; null: none. */
  readonly lock: HeldLock | null;
  /** Not null while history is run again (docs/replay.md): leave out then what must not happen twice, such as mails. Effects of {@link transaction} and {@link once} happen once in each replay. */
  readonly replay: ReplayMark | null;
  /** Not null in runs of a schedule (docs/schedules.md). */
  readonly tick: ScheduleTick | null;
}

/** One job of a batch, as `handleBatch` gets it. Fields as in {@link JobContext}. */
export interface BatchJob<P> {
  readonly payload: P;
  readonly id: string;
  readonly key: string | null;
  readonly attempt: number;
  readonly fence: number;
  readonly enqueuedAt: Date;
  readonly tick: ScheduleTick | null;
  /** Aborted with CANCELLED when this job was cancelled; what concerns the whole run, the context's signal says. */
  readonly signal: AbortSignal;
  readonly progress: (fraction: number, note?: string) => void;
  readonly transaction: JobContext['transaction'];
  readonly once: JobContext['once'];
}

/** What `handleBatch` knows about its run. Fields as in {@link JobContext}. */
export interface BatchContext {
  readonly signal: AbortSignal;
  readonly replay: ReplayMark | null;
  readonly kind: string;
  readonly queue: string;
  readonly logger: JobLogger;
}

/** What the worker must know to make an attempt's context. */
export interface AttemptFacts {
  readonly id: string;
  readonly key: string | null;
  readonly kind: string;
  readonly queue: string;
  readonly attempt: number;
  readonly fence: number;
  /** Epoch ms. */
  readonly enqueuedAtMs: number;
  /** Called at most once for each context, when the handler first asks for its logger. */
  createLogger(context: JobContext): JobLogger;
  /** `fraction` is in 0..1. Left out: nobody listens. */
  tellProgress?(fraction: number, note: string | null): void;
  /** What the kind's `lock` option took. */
  readonly lock?: HeldLock | null;
  readonly replay?: ReplayMark | null;
  readonly tick?: ScheduleTick | null;
  /** The same each time. Left out, or null: there is no database. */
  effects?(): AttemptEffects | null;
}

const MAX_NOTE_LENGTH = 500;
const MAX_STEP_LENGTH = 200;

function tellProgress(facts: Pick<AttemptFacts, 'kind' | 'tellProgress'>, fraction: number, note: string | undefined): void {
  if (typeof fraction !== 'number' || Number.isNaN(fraction)) {
    throw new MillraceError('BAD_PROGRESS', { at: facts.kind, expected: 'a number from 0 to 1', got: fraction });
  }
  facts.tellProgress?.(Math.min(1, Math.max(0, fraction)), note === undefined ? null : String(note).slice(0, MAX_NOTE_LENGTH).toWellFormed());
}

function effectsOf(facts: Pick<AttemptFacts, 'kind' | 'effects'>): AttemptEffects {
  const effects = facts.effects?.() ?? null;
  if (effects !== null) return effects;
  throw new MillraceError('NO_DATABASE', { at: facts.kind, expected: 'a worker with a database, and a handler in its process', fix: 'Set DATABASE_URL, or give createMillrace or createWorker a database; isolated handlers have none: let them open their own, and check ctx.id and ctx.fence there' });
}

const inTransaction = (facts: AttemptFacts): JobContext['transaction'] => async (work) => effectsOf(facts).once(WHOLE_JOB, work);

const inSteps = (facts: AttemptFacts): JobContext['once'] => async (step, work) => {
  if (typeof step !== 'string' || step === WHOLE_JOB || step.length > MAX_STEP_LENGTH) {
    throw new MillraceError('BAD_EFFECT', { at: `once of ${facts.kind}`, expected: `a name of up to ${MAX_STEP_LENGTH} characters for the step`, got: step });
  }
  return effectsOf(facts).once(step, work);
};

/**
 * The context of one attempt. One is made for every attempt, so it holds the facts alone; the signal, the logger and the date are
 * made when first read. The worker keeps it to {@link abort} the attempt; handlers see a {@link JobContext}.
 */
export class AttemptContext implements JobContext {
  readonly #facts: AttemptFacts;
  #controller: AbortController | null = null;
  #abortReason: MillraceError | null = null;
  #logger: JobLogger | null = null;

  constructor(facts: AttemptFacts) {
    this.#facts = facts;
  }

  get id(): string { return this.#facts.id; }
  get key(): string | null { return this.#facts.key; }
  get kind(): string { return this.#facts.kind; }
  get queue(): string { return this.#facts.queue; }
  get attempt(): number { return this.#facts.attempt; }
  get fence(): number { return this.#facts.fence; }
  get enqueuedAt(): Date { return new Date(this.#facts.enqueuedAtMs); }
  get logger(): JobLogger { return (this.#logger ??= this.#facts.createLogger(this)); }
  get progress(): (fraction: number, note?: string) => void {
    return (fraction, note) => { tellProgress(this.#facts, fraction, note); };
  }
  get transaction(): JobContext['transaction'] { return inTransaction(this.#facts); }
  get once(): JobContext['once'] { return inSteps(this.#facts); }
  get withLock(): JobContext['withLock'] {
    return async (name, work, options) => effectsOf(this.#facts).withLock(name, work, options);
  }
  get lock(): HeldLock | null { return this.#facts.lock ?? null; }
  get replay(): ReplayMark | null { return this.#facts.replay ?? null; }
  get tick(): ScheduleTick | null { return this.#facts.tick ?? null; }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the attempt was aborted, or null. Pass it to `classifyError`. */
  get aborted(): MillraceError | null { return this.#abortReason; }

  /** Tells the handler to stop. The first reason stays. */
  abort(reason: MillraceError): void {
    if (this.#abortReason !== null) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

/** One job of a batch as its handler sees it. */
export class BatchMember<P> implements BatchJob<P> {
  readonly payload: P;
  readonly id: string;
  readonly key: string | null;
  readonly attempt: number;
  readonly fence: number;
  readonly enqueuedAt: Date;
  readonly #facts: AttemptFacts;
  #controller: AbortController | null = null;
  #abortReason: MillraceError | null = null;

  constructor(payload: P, facts: AttemptFacts) {
    this.payload = payload;
    this.id = facts.id;
    this.key = facts.key;
    this.attempt = facts.attempt;
    this.fence = facts.fence;
    this.enqueuedAt = new Date(facts.enqueuedAtMs);
    this.#facts = facts;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get tick(): ScheduleTick | null { return this.#facts.tick ?? null; }
  get progress(): (fraction: number, note?: string) => void {
    return (fraction, note) => { tellProgress(this.#facts, fraction, note); };
  }
  get transaction(): JobContext['transaction'] { return inTransaction(this.#facts); }
  get once(): JobContext['once'] { return inSteps(this.#facts); }

  /** Tells the handler to stop with this job. The first reason stays. */
  abort(reason: MillraceError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(reason);
  }
}

/** The context of one run of `handleBatch`; as {@link AttemptContext}. */
export class BatchAttemptContext implements BatchContext {
  readonly kind: string;
  readonly queue: string;
  readonly replay: ReplayMark | null;
  readonly #createLogger: (context: BatchContext) => JobLogger;
  readonly #controller = new AbortController();
  #logger: JobLogger | null = null;

  constructor(kind: string, queue: string, createLogger: (context: BatchContext) => JobLogger, replay: ReplayMark | null = null) {
    this.replay = replay;
    this.kind = kind;
    this.queue = queue;
    this.#createLogger = createLogger;
  }

  get signal(): AbortSignal { return this.#controller.signal; }
  get logger(): JobLogger { return (this.#logger ??= this.#createLogger(this)); }
  get aborted(): MillraceError | null { return this.signal.aborted ? (this.signal.reason as MillraceError) : null; }

  /** Tells the handler to stop. The first reason stays. */
  abort(reason: MillraceError): void {
    this.#controller.abort(reason);
  }
}
