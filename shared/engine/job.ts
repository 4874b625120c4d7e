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
  /** Its bytes as text (latin1). */
  readonly key: string | null;
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

/*
 * There may be a million jobs, so what takes some bits shares one word, and times count from the begin of their partition's reign: as small numbers,
 * where the times themselves would take an object each.
 */
const IS_OPEN = 1;
const IS_AHEAD = 2;
const CONCLUDED = 4;
const CLAIMED = 8;
const START_TOLD = 16;
const WAIT_QUEUED = 32;
const IN_LANE = 64;
const STATE_SHIFT = 7;
const STATE_BITS = 7;
const stateCodes: Readonly<Record<JobState, number>> = { queued: 0, waiting: 1, claiming: 2, running: 3, burying: 4, held: 5, ended: 6 };
const states = Object.keys(stateCodes) as JobState[];
const ROOM_SHIFT = 10;
const ROOM_BITS = 3;
const roomCodes: Readonly<Record<RoomState, number>> = { none: 0, writing: 1, in: 2, leaving: 3 };
const rooms = Object.keys(roomCodes) as RoomState[];
const REASON_SHIFT = 12;
const REASON_BITS = 15;
const reasonCodes: Readonly<Record<WaitReason, number>> = {
  behind: 0, retry: 1, snoozed: 2, scheduled: 3, running: 4, held: 5, 'unknown-kind': 6, paused: 7, locked: 8, 'dependency-down': 9, 'claim-missing': 10,
};
const reasons = Object.keys(reasonCodes) as WaitReason[];

/** Beyond, about twelve days, a time is kept as it is. */
const FAR = 2 ** 30;
/** Not due at any time. */
const NEVER = -FAR - 1;

/** What most jobs never have. */
class Rare {
  timestampMs: number | null = null;
  dueMs: number | null = null;
  fault: Fault | null = null;
  notBeforeMs = 0;
  uniqueForMs = 0;
  looks = 0;
  failure: Failure | null = null;
  firstFailure: Failure | null = null;
  batch: { remaining: number } | null = null;
  place: number | null = null;
  logKey: string | null = null;
  kind: string | null = null;
}

const NOTHING_RARE: Readonly<Rare> = new Rare();

/** One live job of a partition. Mutable and owned by the engine; handlers never see it. Small: a waiting room may hold a million. */
export class Job {
  readonly offset: number;
  readonly id: string;
  readonly policy: JobPolicy | null;
  /** Its key, where its lane does not have it. */
  readonly #ownKey: string | null;
  /** These two are here while {@link isOpen}. */
  value: Buffer | null;
  headers: unknown;
  /** What it takes in memory, for the bounds. */
  bytes: number;

  /*
   * Where value and headers are while the job waits: the engine hands jobs over to be kept (`retain`), and asks no more. Whoever keeps them writes these.
   */
  /** Packed, in memory; null: it is not packed, or on disk alone. */
  body: string | null = null;
  /** Length of the packed body; 0: it is not packed. */
  bodyBytes = 0;
  /** Size of its record. */
  wireBytes = 0;
  /** Where it lies on disk; −1: nowhere. */
  diskPlace = -1;

  /** Attempts made so far. */
  attempt = 0;
  /** Offset, epoch and sequence of its valid record in the retry log; offset −1 = none read back yet. */
  logOffset = -1;
  logEpoch = 0;
  logSeq = 0;
  /** Highest sequence written for it in this reign: what is older and turns up later is a stale double. */
  lastSeq = 0;

  /** Its slot in the frontier; −1 while its main record has not been (re-)read in this reign. */
  slot = -1;

  lane: Lane;
  next: Job | null = null;
  prev: Job | null = null;
  /** Position in the due heap, −1 = not in it. */
  heapIndex = -1;

  constructor(input: JobInput, lane: Lane) {
    this.offset = input.offset;
    this.id = input.id;
    this.policy = input.policy;
    this.#ownKey = lane.key === null ? input.key : null;
    this.value = input.value;
    this.headers = input.headers;
    this.bytes = input.bytes;
    this.lane = lane;
    const stampedAfterMs = input.timestampMs - lane.partition.sinceMs;
    if (input.kind !== (input.policy?.kind ?? '')) this.#own().kind = input.kind;
    if (Math.abs(stampedAfterMs) <= FAR) this.#stampedAfterMs = stampedAfterMs | 0;
    else this.#own().timestampMs = input.timestampMs;
    if (input.fault !== null || input.notBeforeMs !== 0 || input.uniqueForMs !== 0) {
      const rare = this.#own();
      rare.fault = input.fault;
      rare.notBeforeMs = input.notBeforeMs;
      rare.uniqueForMs = input.uniqueForMs;
    }
  }

  get kind(): string { return this.#rare.kind ?? this.policy?.kind ?? ''; }

  /** The bytes of its record's key as text (latin1). */
  get keyText(): string | null {
    return this.lane.key ?? this.#ownKey;
  }

  /** As its record has it, byte for byte. */
  get key(): Buffer | null {
    const { keyText } = this;
    return keyText === null ? null : Buffer.from(keyText, 'latin1');
  }

  #flags = IS_OPEN;
  #rare = NOTHING_RARE;
  #startedAfterMs = 0;
  #stampedAfterMs = 0;
  #dueAfterMs = NEVER;

  #own(): Rare {
    if (this.#rare === NOTHING_RARE) this.#rare = new Rare();
    return this.#rare;
  }

  #flag(flag: number, on: boolean): void {
    this.#flags = on ? this.#flags | flag : this.#flags & ~flag;
  }

  #set(shift: number, bits: number, code: number): void {
    this.#flags = (this.#flags & ~(bits << shift)) | (code << shift);
  }

  get state(): JobState { return states[(this.#flags >> STATE_SHIFT) & STATE_BITS] as JobState; }
  set state(state: JobState) { this.#set(STATE_SHIFT, STATE_BITS, stateCodes[state]); }

  get room(): RoomState { return rooms[(this.#flags >> ROOM_SHIFT) & ROOM_BITS] as RoomState; }
  set room(room: RoomState) { this.#set(ROOM_SHIFT, ROOM_BITS, roomCodes[room]); }

  get reason(): WaitReason { return reasons[(this.#flags >> REASON_SHIFT) & REASON_BITS] as WaitReason; }
  set reason(reason: WaitReason) { this.#set(REASON_SHIFT, REASON_BITS, reasonCodes[reason]); }

  /** Of its main record; −1: it has none that could be meant. */
  get timestampMs(): number { return this.#rare.timestampMs ?? this.lane.partition.sinceMs + this.#stampedAfterMs; }

  /** Epoch ms before which it does not run; 0: at no time. Whole: fractions count up. */
  get dueMs(): number {
    const afterMs = this.#dueAfterMs;
    return afterMs !== NEVER ? this.lane.partition.sinceMs + afterMs : this.#rare.dueMs ?? 0;
  }

  set dueMs(ms: number) {
    const afterMs = Math.ceil(ms - this.lane.partition.sinceMs);
    const isNear = ms !== 0 && Math.abs(afterMs) <= FAR;
    this.#dueAfterMs = isNear ? afterMs | 0 : NEVER;
    if (!isNear && ms !== 0) this.#own().dueMs = ms;
    else if (this.#rare.dueMs !== null) this.#own().dueMs = null;
  }

  get startedMs(): number { return this.lane.partition.sinceMs + this.#startedAfterMs; }
  set startedMs(ms: number) { this.#startedAfterMs = ms - this.lane.partition.sinceMs; }

  /** Order inside the lane. Its offset, but for a scheduled job, which takes its place when it is due. */
  get place(): number { return this.#rare.place ?? this.offset; }
  set place(place: number) { if (place !== this.place) this.#own().place = place; }

  /** Key of its record in the retry log. Its id, but for a double of it. */
  get logKey(): string { return this.#rare.logKey ?? this.id; }
  set logKey(key: string) { if (key !== this.logKey) this.#own().logKey = key; }

  /** Value and headers are in the job. */
  get isOpen(): boolean { return (this.#flags & IS_OPEN) !== 0; }
  set isOpen(on: boolean) { this.#flag(IS_OPEN, on); }

  /** It lies on disk, and in {@link body} for the attempt to come. */
  get isAhead(): boolean { return (this.#flags & IS_AHEAD) !== 0; }
  set isAhead(on: boolean) { this.#flag(IS_AHEAD, on); }

  /** The last of its attempts decided the job's end. */
  get concluded(): boolean { return (this.#flags & CONCLUDED) !== 0; }
  set concluded(on: boolean) { this.#flag(CONCLUDED, on); }

  /** At-most-once: its settlement is durable, it may start. */
  get claimed(): boolean { return (this.#flags & CLAIMED) !== 0; }
  set claimed(on: boolean) { this.#flag(CLAIMED, on); }

  /** True once an event told that it runs. */
  get startTold(): boolean { return (this.#flags & START_TOLD) !== 0; }
  set startTold(on: boolean) { this.#flag(START_TOLD, on); }

  /** A wait record is queued but not sent; it will carry the state of the moment it is sent. */
  get waitQueued(): boolean { return (this.#flags & WAIT_QUEUED) !== 0; }
  set waitQueued(on: boolean) { this.#flag(WAIT_QUEUED, on); }

  get inLane(): boolean { return (this.#flags & IN_LANE) !== 0; }
  set inLane(on: boolean) { this.#flag(IN_LANE, on); }

  get fault(): Fault | null { return this.#rare.fault; }
  set fault(fault: Fault | null) { if (fault !== this.#rare.fault) this.#own().fault = fault; }

  get notBeforeMs(): number { return this.#rare.notBeforeMs; }
  get uniqueForMs(): number { return this.#rare.uniqueForMs; }

  /** Looks at a job of unknown kind; they use no attempt. */
  get looks(): number { return this.#rare.looks; }
  set looks(looks: number) { this.#own().looks = looks; }

  get failure(): Failure | null { return this.#rare.failure; }
  set failure(failure: Failure | null) { if (failure !== this.#rare.failure) this.#own().failure = failure; }

  get firstFailure(): Failure | null { return this.#rare.firstFailure; }
  set firstFailure(failure: Failure | null) { if (failure !== this.#rare.firstFailure) this.#own().firstFailure = failure; }

  get batch(): { remaining: number } | null { return this.#rare.batch; }
  set batch(batch: { remaining: number } | null) { if (batch !== this.#rare.batch) this.#own().batch = batch; }
}
