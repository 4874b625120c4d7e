/** What a run of the system looked like from outside: what was accepted, what the witness saw, what was done to the workers. */
export interface History {
  readonly policy: JobRules;
  readonly accepted: readonly AcceptedJob[];
  /** In the order in which they were written: all workers append to one file, so a line that stands earlier happened earlier. */
  readonly lines: readonly WitnessLine[];
  readonly cuts: readonly Cut[];
  readonly buried: readonly BuriedCopy[];
  readonly commits: readonly CommitSight[];
  /**
   * How long ago an attempt may have ended and still be repeated after a cut: the flush interval, and the time that a busy machine
   * takes to make a flush durable.
   */
  readonly flushWindowMs: number;
}

/** The part of a kind's policy that promises are judged by. */
export interface JobRules {
  readonly order: 'strict' | 'relaxed' | 'none';
  readonly whenBuried: 'continue' | 'hold';
  readonly attempts: number;
  /** Wait after attempt 1, and how it grows; without jitter, so that an early retry shows. */
  readonly backoff: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
}

/** A job whose enqueue was acked. */
export interface AcceptedJob {
  readonly id: string;
  readonly entity: string;
  readonly sequence: number;
  readonly partition: number;
  readonly offset: number;
}

/** `snooze` uses no attempt; `aborted` is not held against the job. */
export type AttemptOutcome = 'done' | 'retry' | 'snooze' | 'dead' | 'aborted';

/** One line of the witness file. */
export interface WitnessLine {
  readonly type: 'start' | 'effect' | 'end';
  readonly entity: string;
  readonly sequence: number;
  readonly id: string;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: string;
  /** Numbers the handler calls of one worker. */
  readonly run: number;
  /** Rises when a buried job is redriven, which gives it fresh attempts. */
  readonly round: number;
  /** Epoch ms, with fractions. */
  readonly atMs: number;
  /** On `end` lines. */
  readonly outcome?: AttemptOutcome;
  /** `partition/offset` of the job's record, where the scenario asks for it: two records may bear one id. */
  readonly place?: string;
  /** On `end` lines: the wait that the handler asked for, where it did; else the policy's backoff holds. */
  readonly askedMs?: number;
}

/**
 * Something after which attempts of a worker may be repeated: it was killed; frozen for longer than its session; the group forgot it while it
 * lived (`expelled`); or Kafka took nothing of it for so long that a hand-over could not wait (`outage`).
 */
export interface Cut {
  readonly type: 'killed' | 'frozen' | 'expelled' | 'outage';
  readonly worker: string;
  readonly atMs: number;
  /** From when on what ended may be repeated; default: {@link atMs} less {@link History.flushWindowMs}. */
  readonly sinceMs?: number;
  /** What began later is out of its reach. */
  readonly untilMs?: number;
}

/** A record of the DLQ beside the main record that it names as its origin (null where there is none). */
export interface BuriedCopy {
  readonly id: string;
  readonly attempts: number;
  readonly reason: string;
  readonly lastFailure: string | null;
  readonly firstFailure: string | null;
  readonly copy: RecordBytes;
  readonly origin: (RecordBytes & { readonly timestampMs: number }) | null;
  readonly originTimestampMs: number;
}

export interface RecordBytes {
  readonly key: string | null;
  readonly value: string | null;
}

/** What was committed at some moment. Read in this order, so that nothing can be missed: commits, waiting room, witness. */
export interface CommitSight {
  /** By partition: everything below `offset`, and the offsets in `above`, is called settled. */
  readonly settled: ReadonlyMap<number, { readonly offset: number; readonly above: ReadonlySet<number> }>;
  /** `partition/offset` of each job that ever had a waiting record. */
  readonly waited: ReadonlySet<string>;
  /** How many witness lines there were. */
  readonly lines: number;
}
