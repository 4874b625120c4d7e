import type { Codec, Reader } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { Job } from '../engine/job.ts';
import type { Start } from '../engine/startQueue.ts';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Sandbox } from '../isolation/sandbox.ts';
import type { SandboxLine } from '../isolation/sandboxMessages.ts';
import { classifyError } from '../jobs/classifyError.ts';
import { AttemptContext, BatchAttemptContext, BatchMember, type AttemptFacts, type JobContext, type JobLogger } from '../jobs/jobContext.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { makeFailure } from '../jobs/makeFailure.ts';
import { MAX_RESULT_BYTES, type Outcome } from '../jobs/outcome.ts';
import { readAnswer, readBatchAnswer } from '../jobs/readAnswer.ts';
import { readEnqueuedAtMs } from '../kafka/envelope.ts';
import type { Headers } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { createJobLogger, type Logger } from '../runtime/logger.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import { errorOfEnd } from './isolatedEnd.ts';
import { faultOf } from './readRecords.ts';

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
  /** A sandbox for a job of an isolated kind; null: none is free, and the job is called when one is. */
  readonly takeSandbox: (job: Job) => Sandbox | null;
  readonly releaseSandbox: (sandbox: Sandbox) => void;
  readonly storeResult?: StoreResult | undefined;
}

/** Puts a result that is too long for an event somewhere, and gives back the reference by which it is found there. */
export type StoreResult = (job: { readonly id: string; readonly kind: string; readonly queue: string }, json: string) => Promise<string>;

/** One handler call that has not returned yet: a job, or a batch. */
interface Running {
  readonly jobs: readonly Job[];
  /** Of a batch: its jobs as the handler sees them. */
  readonly members: readonly BatchMember<unknown>[] | null;
  readonly context: AttemptContext | BatchAttemptContext;
  readonly definition: JobDefinition;
  /** Where it runs, if not here. */
  readonly sandbox: Sandbox | null;
  over: boolean;
  timeout: Deadline<Running> | null;
  grace: Deadline<Running> | null;
}

/** Facts of an attempt for its context, read from the job only when asked for. */
class JobFacts implements AttemptFacts {
  readonly #job: Job;
  readonly #logger: Logger;
  constructor(job: Job, logger: Logger) {
    this.#job = job;
    this.#logger = logger;
  }
  get id(): string { return this.#job.id; }
  get key(): string | null { return this.#job.key?.toString() ?? null; }
  get kind(): string { return this.#job.kind; }
  get queue(): string { return this.#job.policy?.queue ?? ''; }
  get attempt(): number { return this.#job.attempt + 1; }
  get fence(): number { return this.#job.lane.partition.epoch; }
  get enqueuedAtMs(): number { return readEnqueuedAtMs(this.#job.headers as Headers | undefined, this.#job.timestampMs); }
  tellProgress(progress: number, note: string | null): void {
    this.#job.lane.partition.progress.set(this.#job, { progress, note, result: null });
  }
  createLogger(context: JobContext): JobLogger {
    const { offset, lane } = this.#job;
    return createJobLogger(this.#logger, { jobId: context.id, kind: context.kind, queue: context.queue, partition: lane.partition.number, offset, attempt: context.attempt });
  }
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

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (running) => { this.#abort(running, timeoutError(running)); });
    this.#graces = new Deadlines(options.clock, (running) => { this.#abandon(running); });
  }

  get size(): number {
    return this.#running.size;
  }

  begin(start: Start): void {
    if ('id' in start) this.#beginJob(start);
    else this.#beginBatch(start);
  }

  /** Asks the attempts to stop; those that do not within the grace are abandoned. */
  abortWhere(concerns: (job: Job) => boolean, reason: () => MillraceError): void {
    for (const running of [...this.#running]) if (running.jobs.some(concerns)) this.#abort(running, reason());
  }

  /** Asks the job's attempt to stop; nobody will run the job again. Of a batch, only its signal is aborted. */
  cancel(job: Job): void {
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
  }

  #decode(job: Job, handled: Handled): { payload: unknown } | null {
    const { codec, ended, needsSchema, clock } = this.#options;
    try {
      return { payload: codec.decode(job.value, handled.reader) };
    } catch (error) {
      if (isToBeLoaded(error, job, codec)) needsSchema(job, readSchemaId(job.value));
      else ended(job, { type: 'dead', ...faultOf(error, clock.now()) });
      return null;
    }
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
    const context = new AttemptContext(new JobFacts(job, this.#options.logger));
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
    const running = this.#track([job], null, context, definition);
    this.#await(answer, (value) => { this.#end(running, () => [readAnswer(value, this.#options.clock.now())]); },
      (error) => { this.#end(running, () => [this.#classify(running, error)]); });
  }

  #beginIsolated(job: Job, definition: JobDefinition, payload: unknown): void {
    const { takeSandbox, releaseSandbox, logger } = this.#options;
    const sandbox = takeSandbox(job);
    if (sandbox === null) return;
    const facts = new JobFacts(job, logger);
    const context = new AttemptContext(facts);
    const running = this.#track([job], null, context, definition, sandbox);
    const { id, key, kind, queue, attempt, fence, enqueuedAtMs } = facts;
    const log = ({ level, fields, message }: SandboxLine): void => { context.logger[level](JSON.parse(fields) as object, message); };
    void sandbox.run({ payload, id, key, kind, queue, attempt, fence, enqueuedAtMs }, log, (fraction, note) => { facts.tellProgress(fraction, note); }).then((end) => {
      if (end.type === 'died') logger.warn({ jobId: id, kind, attempt, error: end.error.message }, 'the sandbox of an attempt died; another takes its place');
      else releaseSandbox(sandbox);
      this.#end(running, () => [end.type === 'answered' ? end.outcome : this.#classify(running, errorOfEnd(end))]);
    });
  }

  #beginBatch(jobs: readonly Job[]): void {
    const handled = this.#options.handled.get((jobs[0] as Job).kind) as Handled;
    const { definition } = handled;
    const taken: Job[] = [];
    const members: BatchMember<unknown>[] = [];
    for (const job of jobs) {
      const decoded = this.#decode(job, handled);
      if (decoded === null) continue;
      taken.push(job);
      members.push(new BatchMember(decoded.payload, new JobFacts(job, this.#options.logger)));
    }
    if (members.length === 0) return;
    const context = new BatchAttemptContext(definition.kind, definition.queue, () => this.#options.logger.child({ kind: definition.kind, queue: definition.queue, batchSize: members.length }));
    const running = this.#track(taken, members, context, definition);
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

  #track(jobs: readonly Job[], members: Running['members'], context: Running['context'], definition: JobDefinition, sandbox: Sandbox | null = null): Running {
    const running: Running = { jobs, members, context, definition, sandbox, over: false, timeout: null, grace: null };
    this.#running.add(running);
    for (const job of jobs) job.lane.partition.untold.push(job);
    if (definition.policy.timeoutMs !== null) running.timeout = this.#deadlines.watch(running, definition.policy.timeoutMs);
    return running;
  }

  #classify(running: Running, error: unknown): Outcome | 'interrupted' {
    const aborted = running.context.aborted;
    if (aborted !== null && aborted.code !== 'TIMEOUT') return 'interrupted';
    return classifyError(error, running.definition.errors, this.#options.clock.now(), aborted);
  }

  #end(running: Running, outcomes: () => (Outcome | 'interrupted')[]): void {
    if (running.over) return;
    running.over = true;
    this.#running.delete(running);
    if (running.timeout !== null) this.#deadlines.forget(running.timeout);
    if (running.grace !== null) this.#graces.forget(running.grace);
    const decided = outcomes();
    for (const [index, job] of running.jobs.entries()) this.#conclude(job, decided[index] as Outcome, running.definition);
  }

  #conclude(job: Job, outcome: Outcome | 'interrupted', definition: JobDefinition): void {
    if (outcome !== 'interrupted' && outcome.type === 'done' && outcome.result !== undefined && Buffer.byteLength(outcome.result) > MAX_RESULT_BYTES) {
      this.#storeResult(job, outcome.result, definition);
    } else this.#options.ended(job, outcome);
  }

  /** The attempt ends when its result lies where it can be found. */
  #storeResult(job: Job, result: string, definition: JobDefinition): void {
    const { storeResult, ended, clock } = this.#options;
    if (storeResult === undefined) {
      const message = `done(result) takes at most ${MAX_RESULT_BYTES} bytes of JSON, got ${Buffer.byteLength(result)}; give the worker a storeResult, or put it elsewhere and return its address`;
      ended(job, { type: 'dead', reason: 'permanent', failure: makeFailure({ code: 'BAD_RESULT', name: 'BadResult', message, at: clock.now() }) });
      return;
    }
    const fail = (error: unknown): void => { ended(job, classifyError(error, definition.errors, clock.now())); };
    try {
      storeResult({ id: job.id, kind: job.kind, queue: definition.queue }, result).then((reference) => { ended(job, { type: 'done', result: JSON.stringify({ $claim: reference }) }); }, fail);
    } catch (error) {
      fail(error);
    }
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
    for (const job of running.jobs) this.#options.abandoned(job);
    this.#end(running, () => running.jobs.map(() => this.#classify(running, running.context.aborted)));
  }
}

function timeoutError(running: Running): MillraceError {
  return new MillraceError('TIMEOUT', { at: running.definition.kind, expected: `an end within ${running.definition.policy.timeoutMs ?? 0} ms` });
}

/** Not asked for yet, or refused so long ago that the registry may know better now. */
function isToBeLoaded(error: unknown, job: Job, codec: Codec): boolean {
  if (isMillraceError(error, 'SCHEMA_NOT_LOADED')) return true;
  return (isMillraceError(error, 'SCHEMA_UNKNOWN') || isMillraceError(error, 'SCHEMA_INVALID')) && !codec.knows(readSchemaId(job.value));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function';
}
