import type { GoneRecord, LeaseRecord, LoggedRecord, WaitRecord } from './effects.ts';
import { applyCommands } from './commands.ts';
import { laneOf } from './intake.ts';
import { Job } from './job.ts';
import type { Partition } from './partition.ts';
import { leaseWrite, takeBody } from './room.ts';
import { tellMarkTruth } from './marks.ts';
import { tellTruth } from './truth.ts';
import { reclaimId } from './uniqueIds.ts';
import { wakeLane } from './wake.ts';

/** Without news for so long, a log whose last records were compacted away counts as read to its end; the lease proves it. */
const RESTORE_STALL_MS = 2000;

/** A valid record of the log while the partition is not active yet: the waiting room takes shape. */
export function restoreRecord(partition: Partition, record: WaitRecord | GoneRecord): void {
  takeOverKey(partition, record);
  if (record.type === 'wait') {
    restoreWaiting(partition, record);
    return;
  }
  dropRestored(partition, record.origin);
  if (record.type === 'tombstone') noteTombstone(partition, record.origin, record.originMs);
}

/**
 * A key passes to another job (a double of the id) only once the first one's tombstone was read back. Compaction, which knows only keys,
 * may have removed that tombstone after we had read the waiting record.
 */
function takeOverKey(partition: Partition, record: WaitRecord | GoneRecord): void {
  const former = partition.roomKeys.get(record.key);
  const origin = record.type === 'wait' ? record.job.offset : record.origin;
  if (former === undefined || former.offset === origin) return;
  dropRestored(partition, former.offset);
  noteTombstone(partition, former.offset, former.timestampMs);
}

function noteTombstone(partition: Partition, origin: number, originMs: number): void {
  if (origin < partition.frontier.position) return;
  partition.tombstoned.add(origin);
  if (originMs >= 0) partition.restoredMs.set(origin, originMs);
}

function restoreWaiting(partition: Partition, record: WaitRecord): void {
  const origin = record.job.offset;
  if (origin >= partition.frontier.position) partition.restoredMs.set(origin, record.job.timestampMs);
  partition.tombstoned.delete(origin);
  let job = partition.room.get(origin);
  if (job === undefined) {
    job = new Job(record.job, laneOf(partition, record.job));
    job.room = 'in';
    job.lane.unsettled++;
    partition.room.set(job);
    partition.host.retain(job);
    partition.roomBytes += job.bytes;
  } else {
    if (job.logKey !== record.key) partition.forgetKey(job);
    // An operator may have given it another payload.
    if (!partition.host.hasValue(job, record.job.value)) takeBody(partition, job, record.job);
  }
  job.logKey = record.key;
  partition.roomKeys.set(job);
  job.attempt = record.attempt;
  job.dueMs = record.dueMs;
  job.reason = record.reason;
  job.failure = record.failure;
  job.firstFailure = record.firstFailure;
  partition.log.note(job, record.offset, record.epoch, record.seq);
}

function dropRestored(partition: Partition, origin: number): void {
  partition.restoredMs.delete(origin);
  const job = partition.room.get(origin);
  if (job === undefined) return;
  partition.log.forget(job);
  partition.room.delete(origin);
  partition.forgetKey(job);
  job.lane.unsettled--;
  partition.roomBytes -= job.bytes;
  partition.host.release(job);
}

/** Somebody wrote as only the owner may, and it was not us: our reign is over, as by a lease. */
export function readForgery(partition: Partition, record: LoggedRecord & { readonly epoch: number }): void {
  readLease(partition, { type: 'lease', offset: record.offset, key: record.key, epoch: record.epoch, holder: 'unknown' }, true);
}

/** A lease in the log, in any phase. */
export function readLease(partition: Partition, record: LeaseRecord, governs = partition.log.lease(record.epoch, record.holder)): void {
  const mine = record.holder === partition.holder;
  switch (partition.phase) {
    case 'restoring':
    case 'stopped':
      return;
    case 'leasing':
      if (!mine || record.epoch !== partition.leaseEpoch) return;
      if (governs) {
        // Rule 2: before anything starts, a commit must prove that the group still counts us as the owner.
        partition.phase = 'confirming';
        partition.commitDue = true;
      } else lease(partition);
      return;
    case 'confirming':
    case 'active':
      if (!governs) return;
      partition.notice({ type: 'usurped', epoch: record.epoch, holder: record.holder });
      partition.host.endReign(partition);
      partition.host.effect({ type: 'reassign', partition: partition.number });
      return;
  }
}

/** Restored to the end: say so with a lease. Called again when another's lease came first. */
export function leaseIfRestored(partition: Partition, now: number): void {
  if (partition.phase !== 'restoring') return;
  if (partition.log.position < partition.restoreEnd && now - partition.lastProgressMs < RESTORE_STALL_MS) return;
  partition.phase = 'leasing';
  lease(partition);
}

function lease(partition: Partition): void {
  partition.leaseEpoch = partition.log.epoch + 1;
  partition.retry.put(leaseWrite(partition.leaseEpoch, partition.holder));
}

/** The group took our commit: nobody else owns the partition. Lanes open. */
export function activate(partition: Partition, now: number): void {
  partition.phase = 'active';
  partition.epoch = partition.log.epoch;
  const { room } = partition;
  for (const job of room.values()) {
    if (job.offset >= partition.committedOffset) partition.reread.push(job);
    seat(partition, job, now);
    if (job.uniqueForMs > 0) reclaimId(partition, job);
  }
  partition.host.effect({ type: 'resume', stream: 'main', partition: partition.number, offset: partition.committedOffset });
  partition.notice({ type: 'active', epoch: partition.epoch, waiting: room.size });
  for (const job of room.values()) wakeLane(partition, job.lane);
  for (const { origin, key } of partition.owedTruth.values()) tellTruth(partition, origin, key);
  partition.owedTruth.clear();
  for (const [key, claimed] of partition.owedMarks) tellMarkTruth(partition, key, claimed);
  partition.owedMarks.clear();
  applyCommands(partition, now);
}

function seat(partition: Partition, job: Job, now: number): void {
  switch (job.reason) {
    case 'held':
      job.state = 'held';
      job.lane.insert(job);
      return;
    case 'behind':
    case 'paused':
    case 'running':
      job.lane.insert(job);
      return;
    case 'scheduled':
      job.state = 'waiting';
      partition.host.scheduleDue(job);
      return;
    case 'retry':
    case 'snoozed':
    case 'locked':
    case 'dependency-down':
    case 'claim-missing':
    case 'unknown-kind':
      job.state = job.dueMs <= now ? 'queued' : 'waiting';
      if (job.policy === null || job.policy.order === 'strict' || job.state === 'queued') job.lane.insert(job);
      if (job.state === 'waiting') partition.host.scheduleDue(job);
      return;
  }
}
