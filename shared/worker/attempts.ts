import type { Codec, Reader } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { Job } from '../engine/job.ts';
import type { Start } from '../engine/startQueue.ts';
import { isMillraceError, type MillraceError } from '../errors/MillraceError.ts';
import type { Sandbox } from '../isolation/sandbox.ts';
import type { SandboxLine } from '../isolation/sandboxMessages.ts';
import { classifyError } from '../jobs/classifyError.ts';
import { AttemptContext, BatchAttemptContext, BatchMember, type ReplayMark } from '../jobs/jobContext.ts';
import type { LockChoice } from '../jobs/jobEffects.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { DONE } from '../jobs/outcome.ts';
import { readAnswer, readBatchAnswer } from '../jobs/readAnswer.ts';
import type { EffectEnd } from './attemptEffects.ts';
import type { ClaimedJobs } from './claimedJobs.ts';
import { errorOfEnd } from './isolatedEnd.ts';
import { JobFacts } from './jobFacts.ts';
import { faultOf } from './readRecords.ts';
import { RunningAttempts, type Running, type RunningAttemptsOptions } from './runningAttempts.ts';
import type { WorkerEffects } from './workerEffects.ts';

/** A kind that this worker handles, with the shape in which it reads payloads. */
export interface Handled {
  readonly definition: JobDefinition;
  readonly reader: Reader<unknown>;
}

export interface AttemptsOptions extends RunningAttemptsOptions {
  readonly handled: ReadonlyMap<string, Handled>;
  readonly codec: Codec;
  /** The job's schema has to be fetched before it can start. */
  readonly needsSchema: (job: Job, schemaId: number) => void;
  /** The jobs whose payload lies in a store. */
  readonly claimed: Pick<ClaimedJobs, 'isClaim' | 'take'>;
  /** A sandbox for a job of an isolated kind; null: none is free, and the job is called when one is. */
  readonly takeSandbox: (job: Job) => Sandbox | null;
  readonly releaseSandbox: (sandbox: Sandbox) => void;
  /** Its attempt fails; a sandbox that died is not released. */
  readonly sandboxDied: (job: Job, error: Error) => void;
  /** Null: the worker has no database. */
  readonly effects: WorkerEffects | null;
  readonly effectEnded: (kind: string, end: EffectEnd) => void;
  /** Null: these are no attempts of a replay. */
  readonly replay: ReplayMark | null;
}

/**
 * Runs attempts: decode → call the handler → read its answer or classify its error. A handler that returns at once costs no promise and no
 * timer. Nothing that a handler does or throws gets past here.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #running: RunningAttempts;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#running = new RunningAttempts(options);
  }

  begin(start: Start): void {
    if ('id' in start) this.#beginJob(start);
    else this.#beginBatch(start);
  }

  /** Asks the attempts to stop; those that do not within the grace are abandoned, and what is not stored of their results is given up. */
  abortWhere(concerns: (job: Job) => boolean, reason: () => MillraceError): void {
    this.#running.abortWhere(concerns, reason);
  }

  /** Asks the job's attempt to stop; nobody will run the job again. Of a batch, only its signal is aborted. */
  cancel(job: Job): void {
    this.#running.cancel(job);
  }

  close(): void {
    this.#running.close();
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
      const running = this.#running.track([job], [facts], null, context, definition);
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
      this.#running.conclude(job, answer === undefined ? DONE : readAnswer(answer, this.#options.clock.now()), definition);
      return;
    }
    const running = this.#running.track([job], [facts], null, context, definition);
    this.#tell(job);
    this.#call(running, () => answer);
  }

  /** Runs a handler, or waits for one that runs. */
  #call(running: Running, handler: () => unknown): void {
    const failed = (error: unknown): void => { this.#running.finish(running, () => [this.#running.classify(running, error)]); };
    try {
      this.#await(handler(), (value) => { this.#running.finish(running, () => [readAnswer(value, this.#options.clock.now())]); }, failed);
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
        this.#running.finish(running, () => [this.#running.classify(running, running.context.aborted)]);
        return;
      }
      this.#tell(running.jobs[0] as Job);
      begin();
    }, (error: unknown) => {
      release();
      this.#running.end(running, () => [this.#running.classify(running, error)]);
    });
  }

  #beginIsolated(job: Job, definition: JobDefinition, payload: unknown): void {
    const { takeSandbox, releaseSandbox, sandboxDied } = this.#options;
    const sandbox = takeSandbox(job);
    if (sandbox === null) return;
    const facts = new JobFacts(job, this.#options);
    const context = new AttemptContext(facts);
    const running = this.#running.track([job], [facts], null, context, definition);
    const begin = (): void => {
      running.sandbox = sandbox;
      const { id, key, kind, queue, attempt, fence, enqueuedAtMs } = facts;
      const lock = facts.usedEffects?.lock ?? null;
      const log = ({ level, fields, message }: SandboxLine): void => { context.logger[level](JSON.parse(fields) as object, message); };
      void sandbox.run({ payload, id, key, kind, queue, attempt, fence, enqueuedAtMs, lock, replay: facts.replay, tick: facts.tick }, log, (fraction, note) => { facts.tellProgress(fraction, note); }).then((end) => {
        if (end.type === 'died') sandboxDied(job, end.error);
        else releaseSandbox(sandbox);
        this.#running.finish(running, () => [end.type === 'answered' ? end.outcome : this.#running.classify(running, errorOfEnd(end))]);
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
    const running = this.#running.track(taken, facts, members, context, definition);
    for (const job of taken) this.#tell(job);
    let answer: unknown;
    try {
      answer = definition.handleBatch?.(members, context);
    } catch (error) {
      this.#running.end(running, () => members.map(() => this.#running.classify(running, error)));
      return;
    }
    this.#await(answer, (value) => { this.#running.end(running, () => readBatchAnswer(members, value, this.#options.clock.now())); },
      (error) => { this.#running.end(running, () => members.map(() => this.#running.classify(running, error))); });
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
}

/** Not asked for yet, or refused so long ago that the registry may know better now. */
function isToBeLoaded(error: unknown, value: Buffer | null, codec: Codec): boolean {
  if (isMillraceError(error, 'SCHEMA_NOT_LOADED')) return true;
  return (isMillraceError(error, 'SCHEMA_UNKNOWN') || isMillraceError(error, 'SCHEMA_INVALID')) && !codec.knows(readSchemaId(value));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function';
}
