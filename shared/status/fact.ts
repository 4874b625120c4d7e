import type { JobPlace } from './jobRow.ts';

/** A job's main record. */
export interface EnqueuedFact extends JobPlace {
  readonly type: 'enqueued';
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly createdMs: number;
  readonly enqueuedMs: number;
  readonly notBeforeMs: number | null;
  readonly source: string | null;
  readonly valueBytes: number;
  /** JSON. */
  readonly payload: string | null;
  readonly payloadFlaw: string | null;
}

/** One event of a record of the events topic. */
export interface EventFact extends JobPlace {
  readonly type: 'event';
  /** As the schema says it; types that this version does not know are `other`, or any text. */
  readonly event: string;
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly attempt: number;
  readonly atMs: number;
  readonly worker: string;
  readonly epoch: number;
  readonly reason: string | null;
  readonly dueMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly progress: number | null;
  readonly note: string | null;
  readonly result: string | null;
}

/**
 * What a record of the dead-letter or retry topic says of a job: where events are gone already (they are kept for days, a dead letter for a
 * year), it is all that is left.
 */
export interface StandingFact extends JobPlace {
  readonly type: 'standing';
  readonly standing: 'buried' | 'waits' | 'gone';
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly enqueuedMs: number;
  readonly atMs: number;
  readonly attempt: number;
  readonly reason: string | null;
  readonly dueMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A record of the dead-letter topic: names a burial, so that it can be redriven. */
export interface BurialFact extends JobPlace {
  readonly type: 'burial';
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  /** Its offset in the dead-letter topic. */
  readonly burial: number;
  readonly atMs: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** An operator gave a dead job up: what was buried up to this burial is dead no more. */
export interface DiscardFact extends JobPlace {
  readonly type: 'discard';
  readonly id: string;
  readonly burial: number;
  /** Why. */
  readonly note: string | null;
  readonly atMs: number;
}

/** The owner's mark that a burial was redriven: where events are gone, its dead letter says nothing of the job any more. */
export interface RedrivenFact extends JobPlace {
  readonly type: 'redriven';
  readonly burial: number;
  readonly atMs: number;
}

export type Fact = EnqueuedFact | EventFact | StandingFact | BurialFact | DiscardFact | RedrivenFact;
