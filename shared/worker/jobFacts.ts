import type { Job } from '../engine/job.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { AttemptFacts, JobContext, JobLogger, ReplayMark, ScheduleTick } from '../jobs/jobContext.ts';
import type { HeldLock } from '../jobs/jobEffects.ts';
import { readEnqueuedAtMs, readScheduleTick } from '../kafka/envelope.ts';
import type { CarriedHeaders } from '../kafka/packedHeaders.ts';
import { createJobLogger, type Logger } from '../runtime/logger.ts';
import { JobEffects, type EffectEnd } from './attemptEffects.ts';
import type { WorkerEffects } from './workerEffects.ts';

/** What the facts of an attempt are made with. */
export interface FactsTools {
  readonly logger: Logger;
  /** Null: the worker has no database. */
  readonly effects: WorkerEffects | null;
  readonly effectEnded: (kind: string, end: EffectEnd) => void;
  /** Null: these are no attempts of a replay. */
  readonly replay: ReplayMark | null;
}

/** The attempt as those see it who may end it. */
export interface AttemptHandle {
  readonly over: boolean;
  readonly context: { readonly aborted: MillraceError | null };
}

function nothingToAbort(): void {
  // The handler has not begun to wait.
}

/** Facts of an attempt for its context, read from the job only when asked for. */
export class JobFacts implements AttemptFacts {
  /** Set once the handler is known to take its time; only then has it effects to speak of. */
  handle: AttemptHandle | null = null;
  /** Stops the attempt. */
  abort: (reason: MillraceError) => void = nothingToAbort;
  readonly #job: Job;
  readonly #tools: FactsTools;
  #effects: JobEffects | null = null;

  constructor(job: Job, tools: FactsTools) {
    this.#job = job;
    this.#tools = tools;
  }

  get id(): string { return this.#job.id; }
  get key(): string | null { return this.#job.key?.toString() ?? null; }
  get kind(): string { return this.#job.kind; }
  get queue(): string { return this.#job.policy?.queue ?? ''; }
  get attempt(): number { return this.#job.attempt + 1; }
  get fence(): number { return this.#job.lane.partition.epoch; }
  get enqueuedAtMs(): number { return readEnqueuedAtMs(this.#job.headers as CarriedHeaders, this.#job.timestampMs); }
  get replay(): ReplayMark | null { return this.#tools.replay; }
  get tick(): ScheduleTick | null { return readScheduleTick(this.#job.headers as CarriedHeaders); }
  get lock(): HeldLock | null { return this.#effects?.lock ?? null; }

  tellProgress(progress: number, note: string | null): void {
    this.#job.lane.partition.progress.set(this.#job, { progress, note, result: null });
  }

  createLogger(context: JobContext): JobLogger {
    const { offset, lane } = this.#job;
    return createJobLogger(this.#tools.logger, { jobId: context.id, kind: context.kind, queue: context.queue, partition: lane.partition.number, offset, attempt: context.attempt });
  }

  effects(): JobEffects | null {
    const { effects, effectEnded } = this.#tools;
    if (effects === null) return null;
    const { number, epoch } = this.#job.lane.partition;
    return this.#effects ??= new JobEffects(effects, {
      // What a job did in its own time must not keep a replay from doing it again; nor may a replay's leases fence the queue's own workers.
      owner: { queue: this.replay === null ? this.queue : `${this.queue} replay/${this.replay.name}`, partition: number, epoch, jobId: this.id },
      refusal: () => refusalOf(this.handle, this.id),
      abort: (reason) => { this.abort(reason); },
      ended: (end) => { effectEnded(this.kind, end); },
    });
  }

  /** What the attempt has used of them; null: nothing. */
  get usedEffects(): JobEffects | null {
    return this.#effects;
  }
}

function refusalOf(handle: AttemptHandle | null, id: string): MillraceError | null {
  const aborted = handle?.context.aborted ?? null;
  if (aborted !== null && (aborted.code === 'LEASE_LOST' || aborted.code === 'LOCK_LOST')) return aborted;
  return handle?.over === true ? new MillraceError('FENCED', { at: `job ${id}`, expected: 'an attempt that is not over', got: 'one that has ended, or was given up' }) : null;
}
