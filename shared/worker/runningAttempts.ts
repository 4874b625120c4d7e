import type { Job } from '../engine/job.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Sandbox } from '../isolation/sandbox.ts';
import { classifyError } from '../jobs/classifyError.ts';
import { makeFailure } from '../jobs/failure.ts';
import type { AttemptContext, BatchAttemptContext, BatchMember } from '../jobs/jobContext.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { MAX_RESULT_BYTES, type Outcome } from '../jobs/outcome.ts';
import type { Freed } from '../locks/lockTable.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import type { JobFacts } from './jobFacts.ts';
import { LateResults, type StoreResult } from './lateResults.ts';

export interface RunningAttemptsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long after its abort a handler may still run before its lane goes on without it. */
  readonly abortGraceMs: number;
  /** An attempt ended; never called for one attempt twice. */
  readonly ended: (job: Job, outcome: Outcome | 'interrupted') => void;
  readonly abandoned: (job: Job) => void;
  readonly storeResult?: StoreResult | undefined;
  /** The handler has ended, its attempt has not: others may have its slot. */
  readonly freeSlot: (job: Job) => void;
  /** In [0, 1). */
  readonly random: () => number;
  /** The job waits for a lock; called after the end of its attempt. */
  readonly lockBusy: (job: Job, lock: Freed) => void;
}

/** One handler call that has not returned yet: a job, or a batch. */
export interface Running {
  readonly jobs: readonly Job[];
  /** Of each of its jobs. */
  readonly facts: readonly JobFacts[];
  /** Of a batch: its jobs as the handler sees them. */
  readonly members: readonly BatchMember<unknown>[] | null;
  readonly context: AttemptContext | BatchAttemptContext;
  readonly definition: JobDefinition;
  /** Where it runs, if not here; null also before it begins. */
  sandbox: Sandbox | null;
  over: boolean;
  timeout: Deadline<Running> | null;
  grace: Deadline<Running> | null;
}

/** What has begun and not ended: its time limit, its abort, the end of its patience, and its one end. */
export class RunningAttempts {
  readonly #options: RunningAttemptsOptions;
  readonly #running = new Set<Running>();
  readonly #deadlines: Deadlines<Running>;
  readonly #graces: Deadlines<Running>;
  /** Null: no result may be long. */
  readonly #results: LateResults | null;

  constructor(options: RunningAttemptsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (running) => { this.#abort(running, timeoutError(running)); });
    this.#graces = new Deadlines(options.clock, (running) => { this.#abandon(running); });
    this.#results = options.storeResult === undefined ? null : new LateResults({ ...options, store: options.storeResult });
  }

  /** Asks the attempts to stop; those that do not within the grace are abandoned, and what is not stored of their results is given up. */
  abortWhere(concerns: (job: Job) => boolean, reason: () => MillraceError): void {
    this.#results?.giveUpWhere(concerns);
    for (const running of [...this.#running]) if (running.jobs.some(concerns)) this.#abort(running, reason());
  }

  /** Asks the job's attempt to stop; nobody will run the job again. Of a batch, only its signal is aborted. */
  cancel(job: Job): void {
    this.#results?.giveUpWhere((unstored) => unstored === job);
    const reason = new MillraceError('CANCELLED', { at: `job ${job.id}` });
    for (const running of this.#running) {
      const at = running.jobs.indexOf(job);
      if (at < 0) continue;
      if (running.members === null) this.#abort(running, reason);
      else running.members[at]?.abort(reason);
      return;
    }
  }

  close(): void {
    this.#deadlines.close();
    this.#graces.close();
    this.#results?.close();
  }

  /** Its time limit begins. */
  track(jobs: readonly Job[], facts: readonly JobFacts[], members: Running['members'], context: Running['context'], definition: JobDefinition): Running {
    const running: Running = { jobs, facts, members, context, definition, sandbox: null, over: false, timeout: null, grace: null };
    this.#running.add(running);
    for (const one of facts) {
      one.handle = running;
      one.abort = (reason) => { this.#abort(running, reason); };
    }
    if (definition.policy.timeoutMs !== null) running.timeout = this.#deadlines.watch(running, definition.policy.timeoutMs);
    return running;
  }

  /** What an attempt comes to that ends with an error, whatever error it is; interrupted, if it was told to stop for reasons that are not its own. */
  classify(running: Running, error: unknown): Outcome | 'interrupted' {
    const aborted = running.context.aborted;
    if (aborted !== null && aborted.code !== 'TIMEOUT' && aborted.code !== 'LOCK_LOST') return 'interrupted';
    return classifyError(error, running.definition.errors, this.#options.clock.now(), aborted);
  }

  /** The handler has ended. The attempt ends when its locks are given back, so that the next job of its lane finds them free. */
  finish(running: Running, outcomes: () => (Outcome | 'interrupted')[]): void {
    const used = running.facts[0]?.usedEffects ?? null;
    if (used === null) {
      this.end(running, outcomes);
      return;
    }
    const decided = outcomes();
    void used.giveBackAll().then(() => { this.end(running, () => decided); });
  }

  /** The first end counts. @param outcomes one for each job, asked for only then */
  end(running: Running, outcomes: () => (Outcome | 'interrupted')[]): void {
    if (running.over) return;
    running.over = true;
    this.#running.delete(running);
    if (running.timeout !== null) this.#deadlines.forget(running.timeout);
    if (running.grace !== null) this.#graces.forget(running.grace);
    const decided = outcomes();
    for (const [index, job] of running.jobs.entries()) {
      this.conclude(job, decided[index] as Outcome, running.definition);
      const busyWith = running.facts[index]?.usedEffects?.busyWith ?? null;
      if (busyWith !== null) this.#options.lockBusy(job, busyWith);
    }
  }

  /** Of an attempt that was tracked: {@link end} calls it. */
  conclude(job: Job, outcome: Outcome | 'interrupted', definition: JobDefinition): void {
    if (outcome !== 'interrupted' && outcome.type === 'done' && outcome.result !== undefined && Buffer.byteLength(outcome.result) > MAX_RESULT_BYTES) {
      this.#storeResult(job, outcome.result, definition);
    } else this.#options.ended(job, outcome);
  }

  /** The attempt ends when its result lies where it can be found. */
  #storeResult(job: Job, result: string, definition: JobDefinition): void {
    if (this.#results !== null) {
      this.#results.put(job, definition.queue, result, definition.errors);
      return;
    }
    const message = `done(result) takes at most ${MAX_RESULT_BYTES} bytes of JSON, got ${Buffer.byteLength(result)}; give the worker a storeResult, or put it elsewhere and return its address`;
    this.#options.ended(job, { type: 'dead', reason: 'permanent', failure: makeFailure({ code: 'BAD_RESULT', name: 'BadResult', message, at: this.#options.clock.now() }) });
  }

  #abort(running: Running, reason: MillraceError): void {
    if (running.over || running.context.aborted !== null) return;
    running.context.abort(reason);
    running.sandbox?.abort(reason);
    running.grace = this.#graces.watch(running, this.#options.abortGraceMs);
  }

  #abandon(running: Running): void {
    if (running.sandbox !== null) {
      running.sandbox.kill(); // its end is the attempt's
      return;
    }
    for (const { usedEffects } of running.facts) usedEffects?.letGoAll();
    for (const job of running.jobs) this.#options.abandoned(job);
    this.end(running, () => running.jobs.map(() => this.classify(running, running.context.aborted)));
  }
}

function timeoutError(running: Running): MillraceError {
  return new MillraceError('TIMEOUT', { at: running.definition.kind, expected: `an end within ${running.definition.policy.timeoutMs ?? 0} ms` });
}
