import type { JobState } from './jobState.ts';

/** One line of a job's history: an event of it, as its worker told it. Fields that say nothing are left out. */
export interface TimelineEntry {
  /** Counts the job's events from 1; gaps are events that were dropped from a very long history. */
  readonly n: number;
  /** Epoch ms by the worker's clock. */
  readonly at: number;
  /** As in `millrace.JobEvents`: started, done, waiting, buried, redriven, discarded, cancelled, duplicate, progress (the last of an attempt). */
  readonly type: string;
  /** Attempts made so far; of `started`, this one included. */
  readonly attempt: number;
  readonly reason?: string;
  /** Epoch ms. */
  readonly due?: number;
  readonly code?: string;
  readonly message?: string;
  readonly note?: string;
  /** From 0 to 1. */
  readonly progress?: number;
  readonly worker: string;
  /** The lease epoch of its worker. */
  readonly epoch: number;
}

/** Where the main record of a job stands: what tells it from all other jobs, also from another of the same id. */
export interface JobPlace {
  readonly partition: number;
  /** Offset in the main topic. */
  readonly place: number;
}

/** All that is known of a job. A value: folding a fact into it makes a new one. Times are epoch ms. */
export interface JobRow extends JobPlace {
  readonly id: string;
  readonly kind: string | null;
  /** The entity's key as text. */
  readonly key: string | null;
  readonly state: JobState;
  readonly reason: string | null;
  readonly dueMs: number | null;
  readonly attempt: number;
  /** When its producer made it. */
  readonly createdMs: number;
  /** When Kafka took it; before its main record was read: when it was first heard of. */
  readonly enqueuedMs: number;
  readonly notBeforeMs: number | null;
  readonly startedMs: number | null;
  /** Null while it may still run by itself, or blocks its lane. */
  readonly finishedMs: number | null;
  readonly changedMs: number;
  readonly worker: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly fingerprint: string | null;
  /** From 0 to 1. */
  readonly progress: number | null;
  readonly note: string | null;
  readonly result: string | null;
  readonly source: string | null;
  readonly valueBytes: number | null;
  /** JSON. Null too in a row that was read back to fold events into it. */
  readonly payload: string | null;
  /** Why there is no payload; null: there is one, or it is not known yet. */
  readonly payloadFlaw: string | null;
  /** Its main record was read. */
  readonly known: boolean;
  /** An event of it was read: then events alone say its state. */
  readonly told: boolean;
  /** Dropped, for another job of its id had run. */
  readonly duplicate: boolean;
  /** Its last record in the dead-letter topic; null: none was read. */
  readonly burial: number | null;
  /** When Kafka took that. */
  readonly buriedMs: number | null;
  /** The last burial that was redriven, by its owner's mark. */
  readonly redriven: number | null;
  /** Operators gave up all burials up to this one. */
  readonly discarded: number | null;
  /** Why they did. */
  readonly discardNote: string | null;
  /** Events heard so far. */
  readonly entries: number;
  readonly timeline: readonly TimelineEntry[];
}
