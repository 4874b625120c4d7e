import type { Failure } from '../jobs/failure.ts';
import type { BuryReason } from '../jobs/outcome.ts';
import type { Job, JobInput, WaitReason } from './job.ts';
import type { Mark } from './marks.ts';

export type JobEventType = 'started' | 'done' | 'waiting' | 'buried' | 'redriven' | 'discarded' | 'cancelled' | 'progress' | 'duplicate';

/** What an attempt says of itself beyond how it ended. */
export interface EventWords {
  /** 0 to 1. */
  readonly progress: number | null;
  readonly note: string | null;
  /** JSON. */
  readonly result: string | null;
}

/** Longer keys are cut in events: these are many to a record, which a topic's limit bounds. */
export const EVENT_KEY_BYTES = 1024;

/** One line of `<queue>.events`. A snapshot: the job may have moved on when it is published. */
export interface JobEvent {
  readonly type: JobEventType;
  readonly job: Job;
  readonly attempt: number;
  readonly atMs: number;
  readonly reason: WaitReason | BuryReason | null;
  readonly dueMs: number | null;
  readonly failure: Failure | null;
  readonly words: EventWords | null;
  /** What the event's ack allows. */
  readonly then: 'nothing' | 'settle' | 'settle-main';
}

/** A record for the retry topic. Tombstone, void and applied have no value; a lease has its worker's name. `dueMs` of a mark: until when it counts. */
export interface RoomWrite {
  readonly type: 'wait' | 'tombstone' | 'void' | 'applied' | 'mark' | 'lease';
  /** Record key. */
  readonly key: string;
  /** Main offset of the job; −1 where it is about none. */
  readonly origin: number;
  readonly job: Job | null;
  /** The mark that it makes, or ends. */
  readonly mark: Mark | null;
  readonly holder: string;
  /** The rest is filled in when the record is first sent. */
  epoch: number;
  seq: number;
  attempt: number;
  dueMs: number;
  reason: WaitReason;
  failure: Failure | null;
  firstFailure: Failure | null;
  /** It was read back: it need not be sent again, and what it carried may be gone. */
  confirmed: boolean;
}

export interface DeadLetter {
  readonly job: Job;
  /** The burial that the job's last redrive answered; -1: it was never redriven. */
  readonly redriven: number;
  readonly reason: BuryReason;
  readonly failure: Failure | null;
  readonly atMs: number;
}

export type Publication =
  | { readonly stream: 'events'; readonly items: readonly JobEvent[] }
  | { readonly stream: 'retry'; readonly items: readonly RoomWrite[] }
  | { readonly stream: 'dlq'; readonly items: readonly DeadLetter[] };

export interface CommitPoint {
  readonly offset: number;
  readonly metadata: string;
}

export type Effect =
  | { readonly type: 'resume'; readonly stream: 'main' | 'retry'; readonly partition: number; readonly offset: number }
  | { readonly type: 'pause'; readonly stream: 'main' | 'retry'; readonly partition: number }
  /** Abort the attempts of this reign: their work may already belong to somebody else. */
  | { readonly type: 'abort'; readonly partition: number; readonly reign: number }
  /** Read what the group has committed and call `assigned` again: somebody else's lease was seen, and this member still owns. */
  | { readonly type: 'reassign'; readonly partition: number }
  /** Ask the job's attempt to stop: the job was cancelled. */
  | { readonly type: 'cancel'; readonly partition: number; readonly job: Job }
  /** All that a revoked partition had to say is durable. */
  | { readonly type: 'drained'; readonly partition: number }
  | { readonly type: 'notice'; readonly partition: number; readonly notice: Notice };

export type Notice =
  | { readonly type: 'active'; readonly epoch: number; readonly waiting: number }
  | { readonly type: 'usurped'; readonly epoch: number; readonly holder: string }
  | { readonly type: 'publish-refused'; readonly stream: Publication['stream']; readonly failures: number; readonly code: string }
  | { readonly type: 'zombie-answered'; readonly origin: number; readonly truth: 'wait' | 'tombstone' | 'void' }
  | { readonly type: 'command-applied'; readonly command: CommandRecord['command']; readonly origin: number; readonly found: boolean }
  | { readonly type: 'pause'; readonly scope: string; readonly on: boolean }
  /** There are more ids to remember than the limit lets; so many were forgotten before their time. */
  | { readonly type: 'ids-forgotten'; readonly ids: number }
  /** The main topic ends before what was read of it: made anew, or its end is lost. The partition stands still: what is there now may be new, or settled long ago. */
  | { readonly type: 'log-shorter'; readonly position: number; readonly found: number }
  /** At an offset of the main topic stands another record than the waiting room knows there: the topic was made anew, the room was not. The partition stands still. */
  | { readonly type: 'log-replaced'; readonly offset: number };

export interface LoggedRecord {
  /** Offset in the retry topic. */
  readonly offset: number;
  readonly key: string;
}

/** A waiting job as it stands in the log. */
export interface WaitRecord extends LoggedRecord {
  readonly type: 'wait';
  readonly epoch: number;
  readonly seq: number;
  readonly job: JobInput;
  readonly attempt: number;
  readonly dueMs: number;
  readonly reason: WaitReason;
  readonly failure: Failure | null;
  readonly firstFailure: Failure | null;
}

export interface GoneRecord extends LoggedRecord {
  readonly type: 'tombstone' | 'void';
  readonly epoch: number;
  readonly seq: number;
  readonly origin: number;
  /** Timestamp of the main record, epoch ms; −1: not known. */
  readonly originMs: number;
}

export interface LeaseRecord extends LoggedRecord {
  readonly type: 'lease';
  readonly epoch: number;
  readonly holder: string;
}

/** An operator's wish, written by anybody; it stands until the owner says that it applied it. */
export interface CommandRecord extends LoggedRecord {
  readonly type: 'command';
  readonly command: 'redrive' | 'discard' | 'cancel' | 'run-now';
  readonly job: JobInput;
  readonly firstFailure: Failure | null;
  /** Of a redrive: as its letter said it; null: it did not say. */
  readonly redriven: number | null;
}

export interface AppliedRecord extends LoggedRecord {
  readonly type: 'applied';
  readonly epoch: number;
  readonly seq: number;
}

/** An operator's wish that nothing of a scope starts, or that it starts again. */
export interface PauseRecord extends LoggedRecord {
  readonly type: 'pause';
  readonly on: boolean;
  readonly scope: string;
}

/** What an owner must not forget, though no job waits for it. */
export interface MarkRecord extends LoggedRecord {
  readonly type: 'mark';
  readonly epoch: number;
  readonly seq: number;
  /** Epoch ms from which it says nothing any more; 0: it always does. */
  readonly untilMs: number;
  /** Main offset of the job that it is about; −1: none. */
  readonly origin: number;
}

/** What a record of the retry topic says. `foreign`: nothing that we wrote; it is skipped. */
export type RoomRecord = WaitRecord | GoneRecord | LeaseRecord | CommandRecord | PauseRecord | MarkRecord | AppliedRecord | ForeignRecord;

export interface ForeignRecord extends LoggedRecord {
  readonly type: 'foreign';
  /** Its key is of those that no job has. */
  readonly control: boolean;
}
