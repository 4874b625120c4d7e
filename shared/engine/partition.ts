import { decodeLogPoint, decodeSettled, encodeLogPoint, encodeSettled, MAX_SPAN } from './commitMetadata.ts';
import type { CommitPoint, DeadLetter, Effect, EventWords, JobEvent, JobEventType, Notice, RoomWrite } from './effects.ts';
import type { EngineLimits, MainRecord } from './engineOptions.ts';
import { Fifo } from './fifo.ts';
import { Frontier } from './frontier.ts';
import type { Job } from './job.ts';
import { JobsByKey } from './jobsByKey.ts';
import { JobsByOffset } from './jobsByOffset.ts';
import { Lane } from './lane.ts';
import type { Mark } from './marks.ts';
import { Outbox } from './outbox.ts';
import type { Pauses } from './pauses.ts';
import { RoomLog, type PendingCommand } from './roomLog.ts';

/**
 * restoring: reads the waiting room · leasing: its lease is written, not read back · confirming: the lease was read back, the
 * commit that proves ownership is under way · active · stopped: nothing it says counts any more.
 */
export type Phase = 'restoring' | 'leasing' | 'confirming' | 'active' | 'stopped';

/** What the group had committed for a partition, and where the retry log ended, when this member became its owner. */
export interface Grant {
  readonly partition: number;
  readonly main: { readonly committed: CommitPoint | null; readonly startOffset: number };
  readonly retry: { readonly committed: CommitPoint | null; readonly startOffset: number; readonly endOffset: number };
}

/** After an outage of the DLQ each lane that stood may have one burial after the other, and each would be a request. */
const BURIALS_APART_MS = 500;

/** What a partition needs of its engine. */
export interface PartitionHost {
  readonly limits: EngineLimits;
  /** A partition's part of what the limits give to all together. */
  readonly share: number;
  readonly random: () => number;
  readonly recordBytes: (job: Job) => number;
  readonly retain: (job: Job) => void;
  readonly release: (job: Job) => void;
  readonly hasValue: (job: Job, value: Buffer | null) => boolean;
  makeReady(lane: Lane): void;
  scheduleDue(job: Job): void;
  unscheduleDue(job: Job): void;
  effect(effect: Effect): void;
  /** Takes jobs back that were gathered for a batch, and not started. */
  ungather(owns: (job: Job) => boolean): void;
  endReign(partition: Partition): void;
  /** The partition does nothing more, until somebody helps. */
  standStill(partition: Partition, notice: Notice): void;
}

export interface Backlog<R extends MainRecord> {
  readonly records: readonly R[];
  readonly nextOffset: number;
  cursor: number;
  /** What it counts for while it is held back. */
  bytes: number;
}

const NOTHING_MORE = {};
/** Keeps idle lanes from piling up: above this many a sweep drops them. */
const LANES_KEPT = 4096;

/** All state of one partition of a queue in one reign. The files beside this one act on it; each holds one idea. */
export class Partition {
  readonly number: number;
  /** Numbers the reigns of this worker; what belongs to an earlier one is ignored. */
  readonly reign: number;
  readonly holder: string;
  /** When the reign began, whole epoch ms. */
  readonly sinceMs: number;
  readonly host: PartitionHost;
  phase: Phase = 'restoring';
  /** Stopped until its next owner: its main topic is not what was read before. */
  standsStill = false;
  /** Streams of which the next records cannot be decoded. */
  readonly unreadable = new Set<'main' | 'retry'>();
  draining = false;
  drainedTold = false;
  /** Our lease epoch, once it is confirmed: the fencing token. */
  epoch = 0;
  /** Epoch of the lease written last. */
  leaseEpoch = 0;
  restoreEnd: number;
  lastProgressMs: number;

  /** What the group's last durable commit says of the main topic. */
  committedOffset: number;
  readonly committedBits: Set<number>;
  /** Offsets that restored tombstones call settled and that were not re-read yet (rule 6). */
  readonly tombstoned = new Set<number>();
  /** Timestamps of the main records that restored records speak of, by offset, until these are read again. Commands may be anybody's: what they say is not in here. */
  readonly restoredMs = new Map<number, number>();
  readonly frontier: Frontier;
  /** Since when the frontier stands on its slot. */
  frontSlot = -1;
  frontSinceMs = 0;

  readonly log: RoomLog;
  readonly lanes = new Map<string, Lane>();
  #lanesBound = LANES_KEPT;
  /** Jobs with a record in the room, or one under way, by main offset. */
  readonly room = new JobsByOffset();
  /** The same by record key. */
  readonly roomKeys = new JobsByKey();
  roomBytes = 0;
  /** Jobs in memory alone. */
  memoryJobs = 0;
  memoryBytes = 0;
  /** Attempts that were begun (or gathered for a batch) and have not ended. */
  running = 0;
  /** At-most-once jobs between their claim and their start: nobody else would run them. */
  claims = 0;
  /** Those of them that wait for their schema. */
  parkedClaims = 0;
  /** The time for draining is over: nothing is begun any more. */
  overtime = false;

  readonly backlog = new Fifo<Backlog<MainRecord>>();
  backlogRecords = 0;
  /** Of the batches that are not wholly taken in. */
  backlogBytes = 0;
  /** Where the next fetch of the main topic starts; the frontier's position follows as records are taken in. */
  fetchedUpTo = 0;
  mainPaused = false;
  /** Restored jobs whose main record must be read again before they may start (rule 5), by offset. */
  reread: Job[] = [];
  rereadIndex = 0;
  /** Offsets that a zombie or a doubled write spoke of while we restored, with the record key; they get their truth on activation. */
  readonly owedTruth = new Map<string, { readonly origin: number; readonly key: string }>();
  /** Keys of marks that somebody wrote about who must not, while we restored; true: as if there were one. */
  readonly owedMarks = new Map<string, boolean>();
  readonly commands = new Map<string, PendingCommand>();
  /** Those of them whose effect is still to come, in the order of the log. */
  readonly unapplied = new Map<string, PendingCommand>();
  /** Keys of the commands that are answered once the job that they ended is settled. */
  readonly answers = new Map<Job, string>();
  /** Cancelled jobs that still run. */
  readonly cancelling = new Set<Job>();
  /** By record key, without the control mark. */
  readonly marks = new Map<string, Mark>();
  markWalk: IterableIterator<Mark> | null = null;
  /** By main offset: the dead-letter offset of the job's last burial that was answered by a redrive. */
  readonly redriven = new Map<number, number>();
  /** Null when nothing is paused. */
  pauses: Pauses | null = null;
  /** What running attempts last said of themselves, not told yet. */
  readonly progress = new Map<Job, EventWords>();

  readonly events = new Outbox<JobEvent>();
  readonly retry = new Outbox<RoomWrite>();
  readonly dlq = new Outbox<DeadLetter>(BURIALS_APART_MS);

  /** Number of the next commit to be taken; commits below or at `durableCommit` are durable. */
  commitNumber = 1;
  durableCommit = 0;
  commitDue = false;
  commitUnderWay: { readonly number: number; readonly main: CommitPoint } | null = null;
  readonly awaitingCommit: (Lane | Job)[] = [];
  /** Jobs whose attempt began and that no event has told of yet. */
  untold: Job[] = [];

  constructor(host: PartitionHost, grant: Grant, reign: number, holder: string, now: number) {
    this.host = host;
    this.number = grant.partition;
    this.reign = reign;
    this.holder = holder;
    this.sinceMs = Math.floor(now);
    this.lastProgressMs = now;
    this.restoreEnd = grant.retry.endOffset;
    this.committedOffset = Math.max(grant.main.committed?.offset ?? 0, grant.main.startOffset);
    this.committedBits = grant.main.committed === null ? new Set() : decodeSettled(grant.main.committed.offset, grant.main.committed.metadata);
    this.frontier = new Frontier(this.committedOffset);
    const retry = grant.retry.committed;
    const readFrom = Math.max(retry?.offset ?? 0, grant.retry.startOffset);
    this.log = new RoomLog(readFrom, readFrom > (retry?.offset ?? 0) ? null : decodeLogPoint(retry?.metadata ?? ''));
  }

  /** It does not move on until somebody helps; a restart would not. */
  get stands(): boolean {
    return this.standsStill || this.unreadable.size > 0;
  }

  laneFor(key: string): Lane {
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      if (this.lanes.size >= this.#lanesBound) this.#sweepLanes();
      // A lane of the same key may have been dropped with settlements in the commit to come.
      lane = new Lane(this, key, this.commitNumber);
      this.lanes.set(key, lane);
    }
    return lane;
  }

  #sweepLanes(): void {
    for (const [key, lane] of this.lanes) if (lane.idle) this.lanes.delete(key);
    this.#lanesBound = Math.max(LANES_KEPT, this.lanes.size * 2);
  }

  /** The job's record key means it no more; a double of its id may have taken it over. */
  forgetKey(job: Job): void {
    if (this.roomKeys.get(job.logKey) === job) this.roomKeys.delete(job.logKey);
  }

  tell(type: JobEventType, job: Job, now: number, then: JobEvent['then'], detail: Partial<Pick<JobEvent, 'attempt' | 'reason' | 'dueMs' | 'failure' | 'words'>> = NOTHING_MORE): void {
    this.events.put({
      type,
      job,
      attempt: detail.attempt ?? job.attempt,
      atMs: now,
      reason: detail.reason ?? null,
      dueMs: detail.dueMs ?? null,
      failure: detail.failure ?? null,
      words: detail.words ?? null,
      then,
    });
  }

  notice(notice: Notice): void {
    this.host.effect({ type: 'notice', partition: this.number, notice });
  }

  settleSlot(slot: number): void {
    this.frontier.settle(slot, this.commitNumber);
    this.commitDue = true;
  }

  /** Offsets between the committed frontier and what was taken in; bounded so that the commit's bitmap always fits. */
  get span(): number {
    return this.frontier.position - this.committedOffset;
  }

  get mayTakeIn(): boolean {
    const { limits, share } = this.host;
    return (
      this.phase === 'active' && !this.draining && this.span < MAX_SPAN - 1 &&
      this.memoryJobs < limits.intakeJobs * share && this.memoryBytes < limits.intakeBytes * share &&
      // A full room empties only once its jobs may start, and those restored wait for the main topic to be read again (rule 5).
      (this.rereadIndex < this.reread.length || !this.isRoomFull)
    );
  }

  get isRoomFull(): boolean {
    const { roomEntries, roomBytes } = this.host.limits;
    return this.room.size >= roomEntries || this.roomBytes >= roomBytes;
  }

  mainPoint(): CommitPoint {
    const offset = this.frontier.offset;
    const above: number[] = [];
    this.frontier.settledAbove((settled) => above.push(settled));
    // Rule 8: what is known of offsets not re-read yet travels on.
    for (const known of this.committedBits) if (known >= this.frontier.position) above.push(known);
    for (const known of this.tombstoned) if (known >= this.frontier.position) above.push(known);
    return { offset, metadata: encodeSettled(offset, above) };
  }

  retryPoint(): CommitPoint {
    const { offset, point } = this.log.frontier();
    return { offset, metadata: encodeLogPoint(point) };
  }

  /** Nothing is running, unsaid or uncommitted: a revoked partition can be handed over. */
  get isDrained(): boolean {
    if (this.running > 0) return false;
    if (this.phase !== 'active') return this.phase === 'stopped' || this.commitUnderWay === null;
    return (
      this.claims === 0 && this.events.pending === 0 && this.retry.pending === 0 && this.dlq.pending === 0 &&
      this.log.unconfirmed.length === 0 && this.awaitingCommit.length === 0 && this.commitUnderWay === null && !this.commitDue
    );
  }
}
