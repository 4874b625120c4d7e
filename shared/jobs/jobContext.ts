import { MillraceError } from '../errors/MillraceError.ts';

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

/** What a handler knows about its attempt. Read what you need (destructuring works); its parts are made when first read. */
export interface JobContext {
  /**
   * Aborted when the attempt should stop; `signal.reason` is a MillraceError: TIMEOUT (the attempt counts as failed), LEASE_LOST
   * (somebody else owns the partition now, write nothing more), SHUTDOWN (the worker's drain time is over). After these two
   * the job runs again elsewhere, and the attempt is not held against it. CANCELLED (an operator ended the job): answer done if it is, else anything.
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
}

/** One job of a batch, as `handleBatch` gets it. Fields as in {@link JobContext}. */
export interface BatchJob<P> {
  readonly payload: P;
  readonly id: string;
  readonly key: string | null;
  readonly attempt: number;
  readonly fence: number;
  readonly enqueuedAt: Date;
  /** Aborted with CANCELLED when this job was cancelled; what concerns the whole run, the context's signal says. */
  readonly signal: AbortSignal;
  readonly progress: (fraction: number, note?: string) => void;
}

/** What `handleBatch` knows about its run. Fields as in {@link JobContext}. */
export interface BatchContext {
  readonly signal: AbortSignal;
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
}

const MAX_NOTE_LENGTH = 500;

function tellProgress(facts: Pick<AttemptFacts, 'kind' | 'tellProgress'>, fraction: number, note: string | undefined): void {
  if (typeof fraction !== 'number' || Number.isNaN(fraction)) {
    throw new MillraceError('BAD_PROGRESS', { at: facts.kind, expected: 'a number from 0 to 1', got: fraction });
  }
  facts.tellProgress?.(Math.min(1, Math.max(0, fraction)), note === undefined ? null : String(note).slice(0, MAX_NOTE_LENGTH).toWellFormed());
}

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

  get progress(): (fraction: number, note?: string) => void {
    return (fraction, note) => { tellProgress(this.#facts, fraction, note); };
  }

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
  readonly #createLogger: (context: BatchContext) => JobLogger;
  readonly #controller = new AbortController();
  #logger: JobLogger | null = null;

  constructor(kind: string, queue: string, createLogger: (context: BatchContext) => JobLogger) {
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
