import type { Outcome } from '../jobs/outcome.ts';
import { applyCommands } from './commands.ts';
import { DueHeap } from './dueHeap.ts';
import type { Effect, Notice, RoomRecord } from './effects.ts';
import type { EngineLimits, EngineOptions, MainRecord } from './engineOptions.ts';
import { finishAttempt, interruptAttempt } from './finish.ts';
import type { Job } from './job.ts';
import type { Lane } from './lane.ts';
import { MainStream } from './mainStream.ts';
import { Partition, type Grant, type PartitionHost } from './partition.ts';
import { readLogRecord } from './readLog.ts';
import { leaseIfRestored } from './restore.ts';
import { StartQueue, type Start } from './startQueue.ts';
import { wakeDue, wakeLane } from './wake.ts';

/**
 * The engine of one queue: a synchronous state machine over the partitions that this worker owns. Events come in as method
 * calls; effects are collected and taken by the caller (`takeEffects`, `takeStarts`, and `flush.ts` for what is published and
 * committed). It reads no clock (`now` is passed in), starts no timer and does no I/O, so the same code runs on Kafka, in memory and in a
 * simulator.
 *
 * Order: inside a lane at most one job is between start and end, and a strict lane's next job starts only after the one before it
 * is done, buried under `continue`, or discarded.
 */
export class Engine<R extends MainRecord> implements PartitionHost {
  readonly limits: EngineLimits;
  readonly random: () => number;
  readonly recordBytes: (job: Job) => number;
  readonly retain: (job: Job) => void;
  readonly release: (job: Job) => void;
  readonly hasValue: (job: Job, value: Buffer | null) => boolean;
  readonly partitions = new Map<number, Partition>();
  readonly #workerId: string;
  readonly #main: MainStream<R>;
  readonly #due = new DueHeap();
  readonly #starts: StartQueue;
  #effects: Effect[] = [];
  #reigns = 0;
  /** Jobs whose attempt goes on without a slot. */
  readonly #slotless = new WeakSet<Job>();

  constructor(options: EngineOptions<R>) {
    this.#workerId = options.workerId;
    this.#main = new MainStream(options);
    this.limits = options.limits;
    this.random = options.random;
    this.recordBytes = options.recordBytes;
    this.retain = options.retain;
    this.release = options.release;
    this.hasValue = options.hasValue;
    this.#starts = new StartQueue(options.limits.concurrency, () => this.#countClaims());
  }

  // ---- events ----

  /** This worker owns the partition from now on. It restores, leases and confirms before anything starts. */
  assigned(grant: Grant, now: number): void {
    this.lost(grant.partition);
    const reign = ++this.#reigns;
    const partition = new Partition(this, grant, reign, `${this.#workerId}#${reign}`, now);
    this.partitions.set(grant.partition, partition);
    this.effect({ type: 'resume', stream: 'retry', partition: grant.partition, offset: partition.log.position });
    leaseIfRestored(partition, now);
  }

  /** Ownership ended at once: attempts are aborted, nothing is published or committed any more. */
  lost(number: number): void {
    const partition = this.partitions.get(number);
    if (partition === undefined) return;
    if (partition.phase !== 'stopped') this.endReign(partition);
    this.#forget(partition);
    this.partitions.delete(number);
    this.#main.forget(partition);
  }

  /** The partition's state counts for nothing from here on; what was gathered for a batch never starts. */
  endReign(partition: Partition): void {
    partition.phase = 'stopped';
    this.effect({ type: 'abort', partition: partition.number, reign: partition.reign });
    this.ungather((job) => job.lane.partition === partition);
  }

  ungather(owns: (job: Job) => boolean): void {
    for (const job of this.#starts.ungather(owns)) {
      const { lane } = job;
      lane.partition.running--;
      if (job.claimed) lane.partition.claims++;
      lane.busy = null;
      job.state = 'queued';
      // Nobody else would run it: it is gathered again.
      if (job.claimed) wakeLane(lane.partition, lane);
    }
  }

  #forget(partition: Partition): void {
    for (const job of partition.room.values()) {
      this.#due.remove(job);
      this.release(job);
    }
    for (let slot = partition.frontier.firstSlot; slot < partition.frontier.endSlot; slot++) {
      const job = partition.frontier.jobAt(slot);
      if (job !== null) this.#due.remove(job);
    }
  }

  /** Ownership will end: nothing new starts; a `drained` effect tells when all that ended is durable. */
  revoke(number: number): void {
    const partition = this.partitions.get(number);
    if (partition === undefined) return;
    partition.draining = true;
    if (!partition.mainPaused) {
      partition.mainPaused = true;
      this.effect({ type: 'pause', stream: 'main', partition: number });
    }
    this.ungather((job) => job.lane.partition === partition);
    partition.commitDue ||= partition.phase === 'active';
    this.checkDrained(partition);
  }

  /** The time for draining a partition is over: of what is claimed nothing begins any more. */
  cutShort(number: number): void {
    const partition = this.partitions.get(number);
    if (partition !== undefined) partition.overtime = true;
  }

  /** A job that waits for its schema holds up no others. */
  #countClaims(): number {
    let claims = 0;
    for (const partition of this.partitions.values()) if (partition.phase === 'active') claims += partition.claims - partition.parkedClaims;
    return claims;
  }

  checkDrained(partition: Partition): void {
    if (!partition.draining || partition.drainedTold || !partition.isDrained || this.partitions.get(partition.number) !== partition) return;
    partition.drainedTold = true;
    this.effect({ type: 'drained', partition: partition.number });
  }

  fetchedMain(number: number, records: readonly R[], nextOffset: number, now: number): void {
    const partition = this.partitions.get(number);
    if (partition === undefined || partition.phase === 'stopped') return;
    this.#main.fetched(partition, records, nextOffset, now);
  }

  /** The next records of a stream cannot be decoded; until some are fetched, the partition stands. */
  unreadable(number: number, stream: 'main' | 'retry'): void {
    this.partitions.get(number)?.unreadable.add(stream);
  }

  standStill(partition: Partition, notice: Notice): void {
    partition.standsStill = true;
    this.endReign(partition);
    for (const stream of ['main', 'retry'] as const) this.effect({ type: 'pause', stream, partition: partition.number });
    partition.notice(notice);
    this.checkDrained(partition);
  }

  /** @param records read one by one, so that none need wait for the rest of its batch */
  fetchedRetry(number: number, records: Iterable<RoomRecord>, nextOffset: number, now: number): void {
    const partition = this.partitions.get(number);
    if (partition === undefined || partition.phase === 'stopped') return;
    partition.unreadable.delete('retry');
    partition.lastProgressMs = now;
    let isEmpty = true;
    for (const record of records) {
      isEmpty = false;
      if (record.offset < partition.log.position) continue;
      partition.log.position = record.offset + 1;
      readLogRecord(partition, record, now);
    }
    partition.log.position = Math.max(partition.log.position, nextOffset);
    if (partition.phase === 'active' && partition.unapplied.size > 0) applyCommands(partition, now);
    partition.commitDue ||= partition.phase === 'active' && !isEmpty;
    leaseIfRestored(partition, now);
  }

  attemptEnded(job: Job, outcome: Outcome | 'interrupted', now: number): void {
    const partition = job.lane.partition;
    if (!this.#slotless.delete(job)) this.#starts.ended(job);
    partition.running--;
    if (job.lane.busy === job) job.lane.busy = null;
    if (partition.phase === 'active') {
      if (outcome === 'interrupted') interruptAttempt(partition, job, now);
      else finishAttempt(partition, job, outcome, now);
    }
    this.checkDrained(partition);
  }

  /** The handler has ended, and its attempt has not: what it gave is yet to be stored. Others may have its slot; its lane stays closed until {@link attemptEnded}. */
  freeSlot(job: Job): void {
    this.#starts.ended(job);
    this.#slotless.add(job);
  }

  /** The attempt cannot begin yet (its schema is being fetched, no sandbox is free): its slot is free meanwhile, its lane stays closed until {@link unpark}. */
  park(job: Job): void {
    this.#starts.ended(job);
    const partition = job.lane.partition;
    partition.running--;
    if (job.claimed) {
      partition.claims++;
      partition.parkedClaims++;
    }
    job.state = 'queued';
    this.checkDrained(partition);
  }

  unpark(job: Job): void {
    const lane = job.lane;
    if (lane.busy !== job || job.state !== 'queued') return;
    lane.busy = null;
    if (job.claimed) lane.partition.parkedClaims--;
    wakeLane(lane.partition, lane);
  }

  /** The lock that a job waits for was given back, as far as anybody knows: it is due now. @returns false when it does not wait for one here (any more) */
  wakeLocked(job: Job, now: number): boolean {
    const { partition } = job.lane;
    if (this.partitions.get(partition.number) !== partition || partition.phase !== 'active' || job.state !== 'waiting' || job.reason !== 'locked') return false;
    this.#due.remove(job);
    job.dueMs = now;
    wakeDue(partition, job);
    return true;
  }

  /** Whether a job that was parked will begin here, or has been woken and is about to; else its partition is no longer ours to run. */
  isToBegin(job: Job): boolean {
    const { lane } = job;
    const { partition } = lane;
    if (this.partitions.get(partition.number) !== partition || partition.phase !== 'active' || (partition.draining && !job.claimed)) return false;
    return job.state === 'queued' && (lane.busy === job || (lane.busy === null && lane.head === job));
  }

  /** Whether a job that was started, and waited for its body, may begin still. */
  mayBegin(job: Job): boolean {
    const { partition } = job.lane;
    return this.partitions.get(partition.number) === partition && partition.phase === 'active' && !partition.overtime && !partition.cancelling.has(job);
  }

  /** Something that records waited for (a schema) is there: they are read again. */
  resumeIntake(now: number): void {
    this.#main.readAgain(now);
  }

  /** Time passed: due jobs take their places, batches fill up, stalled restores move on. */
  tick(now: number): void {
    for (let job = this.#due.popDue(now); job !== null; job = this.#due.popDue(now)) wakeDue(job.lane.partition, job);
    for (const partition of this.partitions.values()) leaseIfRestored(partition, now);
  }

  /** When `tick` is wanted next, epoch ms; null: not by time alone. */
  nextTickMs(): number | null {
    const due = this.#due.nextMs;
    const batch = this.#starts.nextBatchMs();
    if (due === null) return batch;
    return batch === null ? due : Math.min(due, batch);
  }

  // ---- effects ----

  /** Jobs and batches to start now, at most as many as slots are free. Each ends with `attemptEnded`. */
  takeStarts(now: number): readonly Start[] {
    const starts = this.#starts.take(now);
    if (this.#starts.hungry) {
      for (const partition of this.partitions.values()) {
        if (partition.backlog.length > 0 && partition.mayTakeIn) this.#main.takeIn(partition, now);
      }
    }
    return starts;
  }

  takeEffects(): readonly Effect[] {
    if (this.#effects.length === 0) return NONE;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  get hasEffects(): boolean {
    return this.#effects.length > 0;
  }

  /** Attempts under way (a batch counts as one). */
  get running(): number {
    return this.#starts.running;
  }

  /** At-most-once jobs wait until others are claimed. */
  get claimsPress(): boolean {
    return this.#starts.claimsPress;
  }

  /** Lanes that {@link takeStarts} could begin their heads of; for health. */
  get startable(): number {
    return this.#starts.startable;
  }

  /** Whether the partition's next record waits for its schema, which somebody else has to bring. */
  awaitsSchema(partition: Partition): boolean {
    return this.#main.awaitsSchema(partition);
  }

  /** Slots are free and nothing is ready: intake is what holds the engine up. */
  get hungry(): boolean {
    return this.#starts.hungry;
  }

  get waiting(): number {
    return this.#due.size;
  }

  /** Some of the jobs that are due by then, at most `max`. */
  dueBefore(untilMs: number, max: number): Job[] {
    return this.#due.before(untilMs, max);
  }

  /** A waiting job takes more or less memory than it did: its body went elsewhere. */
  resized(job: Job, bytes: number): void {
    job.lane.partition.roomBytes += bytes - job.bytes;
    job.bytes = bytes;
  }

  /** What the partition's jobs carry is lost here: the reign ends, and another restores them from the log. */
  renew(partition: Partition): void {
    if (this.partitions.get(partition.number) !== partition || partition.phase === 'stopped') return;
    this.endReign(partition);
    this.effect({ type: 'reassign', partition: partition.number });
  }

  /** Takes in what is fetched, as far as the bounds allow; called after commits, which widen them. */
  takeInBacklog(now: number): void {
    for (const partition of this.partitions.values()) if (partition.mayTakeIn) this.#main.takeIn(partition, now);
  }

  // ---- for the partitions ----

  get share(): number {
    return 1 / Math.max(1, this.partitions.size);
  }

  makeReady(lane: Lane): void {
    this.#starts.push(lane);
  }

  scheduleDue(job: Job): void {
    this.#due.push(job);
  }

  unscheduleDue(job: Job): void {
    this.#due.remove(job);
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }
}

const NONE: readonly Effect[] = [];
