import type { Failure } from '../jobs/failure.ts';
import type { BuryReason } from '../jobs/outcome.ts';
import type { JobPolicy } from '../jobs/policy.ts';
import type { Lane } from './lane.ts';

/** Why a job does not run now. On the wire as `mr_reason` of retry records. */
export type WaitReason =
  | 'retry' // an attempt failed; due at a time
  | 'snoozed' // the handler asked to come back later
  | 'scheduled' // enqueued for a later time
  | 'behind' // an earlier job of its entity is not finished
  | 'running' // runs for so long that it left the frontier
  | 'held' // buried, and its lane stays closed until it is redriven or discarded
  | 'unknown-kind' // no worker here knows its kind yet
  | 'paused' // its queue, kind or entity is paused
  | 'locked' // a lock that it needs is somebody else's
  | 'dependency-down' // something that it needs does not answer, such as the store of its large payload
  | 'claim-missing'; // the object of its large payload is not there (yet)

/**
 * queued → running → ended, with `waiting` in between; `burying` until the DLQ has it; `held` when its lane is closed by it;
 * `claiming` while an at-most-once job is settled before it may start.
 */
export type JobState = 'queued' | 'waiting' | 'claiming' | 'running' | 'burying' | 'held' | 'ended';

/** Where a job stands in the waiting room's log: nowhere, written but not read back, read back, or its tombstone is under way. */
export type RoomState = 'none' | 'writing' | 'in' | 'leaving';

export interface Fault {
  readonly reason: BuryReason;
  readonly failure: Failure;
}

/** What the engine is told about a job; parsed by the caller from a record of the main topic. */
export interface JobInput {
  /** Offset in the main topic: the job's identity within its partition, and its place in its lane. */
  readonly offset: number;
  readonly timestampMs: number;
  readonly id: string;
  readonly kind: string;
  /** Null when no handler here knows the kind. */
  readonly policy: JobPolicy | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Opaque to the engine; travels with the job. */
  readonly headers: unknown;
  /** What it takes in memory, roughly, for the bounds. */
  readonly bytes: number;
  /** Epoch ms before which it must not run; 0 = at once. */
  readonly notBeforeMs: number;
  /** For how long after it is settled no other job of its id runs in its partition, ms; 0 = others may. */
  readonly uniqueForMs: number;
  /** Set when the record can never run (no value, not our wire format): it is buried for that. */
  readonly fault: Fault | null;
}

/** One live job of a partition. Mutable and owned by the engine; handlers never see it. */
export class Job {
  readonly offset: number;
  readonly timestampMs: number;
  readonly id: string;
  readonly kind: string;
  policy: JobPolicy | null;
  /** Its key, where its lane does not have it. */
  ownKey: Buffer | null;
  /** These two are here while {@link isOpen}. */
  value: Buffer | null;
  headers: unknown;
  /** What it takes in memory, for the bounds. */
  bytes: number;

  /*
   * Where value and headers are while the job waits: the engine hands jobs over to be kept (`retain`), and asks no more. Whoever keeps them writes these.
   */
  isOpen = true;
  /** Packed, in memory; null: it is not packed, or on disk alone. */
  body: string | null = null;
  /** Length of the packed body; 0: it is not packed. */
  bodyBytes = 0;
  /** Size of its record. */
  wireBytes = 0;
  /** Where it lies on disk; −1: nowhere. */
  diskPlace = -1;
  /** It lies on disk, and in {@link body} for the attempt to come. */
  isAhead = false;

  fault: Fault | null;
  readonly notBeforeMs: number;
  readonly uniqueForMs: number;

  state: JobState = 'queued';
  /** Attempts made so far. */
  attempt = 0;
  /** The last of them decided the job's end. */
  concluded = false;
  dueMs = 0;
  reason: WaitReason = 'behind';
  /** Looks at a job of unknown kind; they use no attempt. */
  looks = 0;
  failure: Failure | null = null;
  firstFailure: Failure | null = null;
  startedMs = 0;
  /** At-most-once: its settlement is durable, it may start. */
  claimed = false;
  /** True once an event told that it runs. */
  startTold = false;

  room: RoomState = 'none';
  /** Key, offset, epoch and sequence of its valid record in the retry log; offset −1 = none read back yet. */
  logKey: string;
  logOffset = -1;
  logEpoch = 0;
  logSeq = 0;
  /** Highest sequence written for it in this reign: what is older and turns up later is a stale double. */
  lastSeq = 0;
  /** A wait record is queued but not sent; it will carry the state of the moment it is sent. */
  waitQueued = false;

  /** Its slot in the frontier; −1 while its main record has not been (re-)read in this reign. */
  slot = -1;

  lane: Lane;
  next: Job | null = null;
  prev: Job | null = null;
  inLane = false;
  /** Order inside the lane. Its offset, but for a scheduled job, which takes its place when it is due. */
  place: number;
  /** Position in the due heap, −1 = not in it. */
  heapIndex = -1;
  batch: { remaining: number } | null = null;

  constructor(input: JobInput, lane: Lane) {
    this.offset = input.offset;
    this.timestampMs = input.timestampMs;
    this.id = input.id;
    this.kind = input.kind;
    this.policy = input.policy;
    this.ownKey = input.key;
    this.value = input.value;
    this.headers = input.headers;
    this.bytes = input.bytes;
    this.fault = input.fault;
    this.notBeforeMs = input.notBeforeMs;
    this.uniqueForMs = input.uniqueForMs;
    this.logKey = input.id;
    this.place = input.offset;
    this.lane = lane;
  }

  /** As its record has it, byte for byte. */
  get key(): Buffer | null {
    return this.ownKey ?? (this.lane.key === null ? null : Buffer.from(this.lane.key, 'latin1'));
  }
}
