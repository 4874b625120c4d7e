import type { Codec, Reader } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { Job } from '../engine/job.ts';
import type { Start } from '../engine/startQueue.ts';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Sandbox } from '../isolation/sandbox.ts';
import type { SandboxLine } from '../isolation/sandboxMessages.ts';
import { classifyError } from '../jobs/classifyError.ts';
import { AttemptContext, BatchAttemptContext, BatchMember, type ReplayMark } from '../jobs/jobContext.ts';
import type { LockChoice } from '../jobs/jobEffects.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { makeFailure } from '../jobs/failure.ts';
import { MAX_RESULT_BYTES, type Outcome } from '../jobs/outcome.ts';
import { readAnswer, readBatchAnswer } from '../jobs/readAnswer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Freed } from '../locks/lockTable.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClaimedJobs } from './claimedJobs.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import type { EffectEnd } from './attemptEffects.ts';
import { errorOfEnd } from './isolatedEnd.ts';
import { JobFacts } from './jobFacts.ts';
import { LateResults, type StoreResult } from './lateResults.ts';
import { faultOf } from './readRecords.ts';
import type { WorkerEffects } from './workerEffects.ts';

/** A kind that this worker handles, with the shape in which it reads payloads. */
export interface Handled {
  readonly definition: JobDefinition;
  readonly reader: Reader<unknown>;
}

export interface AttemptsOptions {
  readonly handled: ReadonlyMap<string, Handled>;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long after its abort a handler may still run before its lane goes on without it. */
  readonly abortGraceMs: number;
  /** An attempt ended; never called for one attempt twice. */
  readonly ended: (job: Job, outcome: Outcome | 'interrupted') => void;
  /** The job's schema has to be fetched before it can start. */
  readonly needsSchema: (job: Job, schemaId: number) => void;
  readonly abandoned: (job: Job) => void;
  /** The jobs whose payload lies in a store. */
  readonly claimed: Pick<ClaimedJobs, 'isClaim' | 'take'>;
  /** A sandbox for a job of an isolated kind; null: none is free, and the job is called when one is. */
  readonly takeSandbox: (job: Job) => Sandbox | null;
  readonly releaseSandbox: (sandbox: Sandbox) => void;
  readonly storeResult?: StoreResult | undefined;
  /** The handler has ended, its attempt has not: others may have its slot. */
  readonly freeSlot: (job: Job) => void;
  /** In [0, 1). */
  readonly random: () => number;
  /** Null: the worker has no database. */
  readonly effects: WorkerEffects | null;
  readonly effectEnded: (kind: string, end: EffectEnd) => void;
  /** Null: these are no attempts of a replay. */
  readonly replay: ReplayMark | null;
  /** The job waits for a lock; called after the end of its attempt. */
  readonly lockBusy: (job: Job, lock: Freed) => void;
}

/** One handler call that has not returned yet: a job, or a batch. */
interface Running {
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

/**
 * Runs attempts: decode → call the handler → read its answer or classify its error. A handler that returns at once costs no promise and no
 * timer. Nothing that a handler does or throws gets past here.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #running = new Set<Running>();
  readonly #deadlines: Deadlines<Running>;
  readonly #graces: Deadlines<Running>;
  /** Null: no result may be long. */
  readonly #results: LateResults | null;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (running) => { this.#abort(running, timeoutError(running)); });
    this.#graces = new Deadlines(options.clock, (running) => { this.#abandon(running); });
    this.#results = options.storeResult === undefined ? null : new LateResults({ ...options, store: options.storeResult });
  }

  get size(): number {
    return this.#running.size;
  }

  begin(start: Start): void {
    if ('id' in start) this.#beginJob(start);
    else this.#beginBatch(start);
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

  #decode(job: Job, handled: Handled): { payload: unknown } | null {
    try {
      return { payload: this.#options.codec.decode(job.value, handled.reader) };
    } catch (error) {
      if (isMillraceError(error, 'AVRO_MISMATCH') && this.#options.claimed.isClaim(job.value)) return this.#decodeClaimed(job, handled);
      this.#refuse(job, job.value, error);
      return null;
    }
  }

  #decodeClaimed(job: Job, handled: Handled): { payload: unknown } | null {
    const value = this.#options.claimed.take(job);
    if (value === null) return null;
    try {
      return { payload: this.#options.codec.decode(value, handled.reader) };
    } catch (error) {
      this.#refuse(job, value, error);
      return null;
    }
  }

  /** The value cannot be read yet, or never. */
  #refuse(job: Job, value: Buffer | null, error: unknown): void {
    const { codec, ended, needsSchema, clock } = this.#options;
    if (isToBeLoaded(error, value, codec)) needsSchema(job, readSchemaId(value));
    else ended(job, { type: 'dead', ...faultOf(error, clock.now()) });
  }

  #beginJob(job: Job): void {
    const handled = this.#options.handled.get(job.kind) as Handled;
    const decoded = this.#decode(job, handled);
    if (decoded === null) return;
    const { definition } = handled;
    if (definition.isolated !== null) {
      this.#beginIsolated(job, definition, decoded.payload);
      return;
    }
    const facts = new JobFacts(job, this.#options);
    const context = new AttemptContext(facts);
    if (definition.lock !== null) {
      const running = this.#track([job], [facts], null, context, definition);
      this.#withLock(running, facts, decoded.payload, () => { this.#call(running, () => definition.handle?.(decoded.payload, context)); });
      return;
    }
    let answer: unknown;
    let later: boolean;
    try {
      answer = definition.handle?.(decoded.payload, context);
      later = isThenable(answer);
    } catch (error) {
      this.#options.ended(job, classifyError(error, definition.errors, this.#options.clock.now()));
      return;
    }
    if (!later) {
      this.#conclude(job, readAnswer(answer, this.#options.clock.now()), definition);
      return;
    }
    const running = this.#track([job], [facts], null, context, definition);
    this.#tell(job);
    this.#call(running, () => answer);
  }

  /** Runs a handler, or waits for one that runs. */
  #call(running: Running, handler: () => unknown): void {
    const failed = (error: unknown): void => { this.#finish(running, () => [this.#classify(running, error)]); };
    try {
      this.#await(handler(), (value) => { this.#finish(running, () => [readAnswer(value, this.#options.clock.now())]); }, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Begins once the attempt has the lock of its kind; without it the job waits, and nothing has begun. */
  #withLock(running: Running, facts: JobFacts, payload: unknown, begin: () => void, release: () => void = () => undefined): void {
    const take = async (): Promise<void> => {
      const choice = running.definition.lock?.(payload) as LockChoice;
      await facts.effects()?.takeJobLock(choice);
    };
    take().then(() => {
      if (running.over || running.context.aborted !== null) {
        release();
        this.#finish(running, () => [this.#classify(running, running.context.aborted)]);
        return;
      }
      this.#tell(running.jobs[0] as Job);
      begin();
    }, (error: unknown) => {
      release();
      this.#end(running, () => [this.#classify(running, error)]);
    });
  }

  #beginIsolated(job: Job, definition: JobDefinition, payload: unknown): void {
    const { takeSandbox, releaseSandbox, logger } = this.#options;
    const sandbox = takeSandbox(job);
    if (sandbox === null) return;
    const facts = new JobFacts(job, this.#options);
    const context = new AttemptContext(facts);
    const running = this.#track([job], [facts], null, context, definition);
    const begin = (): void => {
      running.sandbox = sandbox;
      const { id, key, kind, queue, attempt, fence, enqueuedAtMs } = facts;
      const lock = facts.usedEffects?.lock ?? null;
      const log = ({ level, fields, message }: SandboxLine): void => { context.logger[level](JSON.parse(fields) as object, message); };
      void sandbox.run({ payload, id, key, kind, queue, attempt, fence, enqueuedAtMs, lock, replay: facts.replay, tick: facts.tick }, log, (fraction, note) => { facts.tellProgress(fraction, note); }).then((end) => {
        if (end.type === 'died') logger.warn({ jobId: id, kind, attempt, error: end.error.message }, 'the sandbox of an attempt died; another takes its place');
        else releaseSandbox(sandbox);
        this.#finish(running, () => [end.type === 'answered' ? end.outcome : this.#classify(running, errorOfEnd(end))]);
      });
      const { aborted } = context;
      if (aborted !== null) sandbox.abort(aborted);
    };
    if (definition.lock !== null) {
      this.#withLock(running, facts, payload, begin, () => { releaseSandbox(sandbox); });
      return;
    }
    this.#tell(job);
    begin();
  }

  #beginBatch(jobs: readonly Job[]): void {
    const handled = this.#options.handled.get((jobs[0] as Job).kind) as Handled;
    const { definition } = handled;
    const taken: Job[] = [];
    const facts: JobFacts[] = [];
    const members: BatchMember<unknown>[] = [];
    for (const job of jobs) {
      const decoded = this.#decode(job, handled);
      if (decoded === null) continue;
      const ofJob = new JobFacts(job, this.#options);
      taken.push(job);
      facts.push(ofJob);
      members.push(new BatchMember(decoded.payload, ofJob));
    }
    if (members.length === 0) return;
    const context = new BatchAttemptContext(definition.kind, definition.queue, () => this.#options.logger.child({ kind: definition.kind, queue: definition.queue, batchSize: members.length }), this.#options.replay);
    const running = this.#track(taken, facts, members, context, definition);
    for (const job of taken) this.#tell(job);
    let answer: unknown;
    try {
      answer = definition.handleBatch?.(members, context);
    } catch (error) {
      this.#end(running, () => members.map(() => this.#classify(running, error)));
      return;
    }
    this.#await(answer, (value) => { this.#end(running, () => readBatchAnswer(members, value, this.#options.clock.now())); },
      (error) => { this.#end(running, () => members.map(() => this.#classify(running, error))); });
  }

  /** A promise may be of a class, or have a `then`, that throws: that is how its attempt failed. */
  #await(answer: unknown, resolved: (value: unknown) => void, failed: (error: unknown) => void): void {
    try {
      Promise.resolve(answer).then(resolved, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** The attempt has begun; who looks at the job may hear of it. */
  #tell(job: Job): void {
    job.lane.partition.untold.push(job);
  }

  #track(jobs: readonly Job[], facts: readonly JobFacts[], members: Running['members'], context: Running['context'], definition: JobDefinition): Running {
    const running: Running = { jobs, facts, members, context, definition, sandbox: null, over: false, timeout: null, grace: null };
    this.#running.add(running);
    for (const one of facts) {
      one.handle = running;
      one.abort = (reason) => { this.#abort(running, reason); };
    }
    if (definition.policy.timeoutMs !== null) running.timeout = this.#deadlines.watch(running, definition.policy.timeoutMs);
    return running;
  }

  #classify(running: Running, error: unknown): Outcome | 'interrupted' {
    const aborted = running.context.aborted;
    if (aborted !== null && aborted.code !== 'TIMEOUT' && aborted.code !== 'LOCK_LOST') return 'interrupted';
    return classifyError(error, running.definition.errors, this.#options.clock.now(), aborted);
  }

  /** The handler has ended. The attempt ends when its locks are given back, so that the next job of its lane finds them free. */
  #finish(running: Running, outcomes: () => (Outcome | 'interrupted')[]): void {
    const used = running.facts[0]?.usedEffects ?? null;
    if (used === null) {
      this.#end(running, outcomes);
      return;
    }
    const decided = outcomes();
    void used.giveBackAll().then(() => { this.#end(running, () => decided); });
  }

  #end(running: Running, outcomes: () => (Outcome | 'interrupted')[]): void {
    if (running.over) return;
    running.over = true;
    this.#running.delete(running);
    if (running.timeout !== null) this.#deadlines.forget(running.timeout);
    if (running.grace !== null) this.#graces.forget(running.grace);
    const decided = outcomes();
    for (const [index, job] of running.jobs.entries()) {
      this.#conclude(job, decided[index] as Outcome, running.definition);
      const busyWith = running.facts[index]?.usedEffects?.busyWith ?? null;
      if (busyWith !== null) this.#options.lockBusy(job, busyWith);
    }
  }

  #conclude(job: Job, outcome: Outcome | 'interrupted', definition: JobDefinition): void {
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
    this.#end(running, () => running.jobs.map(() => this.#classify(running, running.context.aborted)));
  }
}

function timeoutError(running: Running): MillraceError {
  return new MillraceError('TIMEOUT', { at: running.definition.kind, expected: `an end within ${running.definition.policy.timeoutMs ?? 0} ms` });
}

/** Not asked for yet, or refused so long ago that the registry may know better now. */
function isToBeLoaded(error: unknown, value: Buffer | null, codec: Codec): boolean {
  if (isMillraceError(error, 'SCHEMA_NOT_LOADED')) return true;
  return (isMillraceError(error, 'SCHEMA_UNKNOWN') || isMillraceError(error, 'SCHEMA_INVALID')) && !codec.knows(readSchemaId(value));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function';
}
