import { MAX_SPAN } from './commitMetadata.ts';
import type { EngineOptions, MainRecord } from './engineOptions.ts';
import { buryFaulty } from './finish.ts';
import { Job, type Fault, type JobInput } from './job.ts';
import { Lane } from './lane.ts';
import type { Partition } from './partition.ts';
import { fitsRoom, putWait } from './room.ts';
import { claimId } from './uniqueIds.ts';
import { wakeLane } from './wake.ts';

/** Takes fetched records in, as far as the bounds allow. Returns whether it has to be called again later for want of a schema. */
export function takeIn<R extends MainRecord>(partition: Partition, parse: EngineOptions<R>['parse'], now: number): boolean {
  if (partition.phase !== 'active') return false;
  for (let batch = partition.backlog.peek(); batch !== undefined; batch = partition.backlog.peek()) {
    while (batch.cursor < batch.records.length) {
      const record = batch.records[batch.cursor] as R;
      if (record.offset >= partition.committedOffset + MAX_SPAN && record.offset > partition.frontier.position) moveTo(partition, record.offset);
      if (!partition.mayTakeIn) {
        commitGap(partition);
        return false;
      }
      if (isReplaced(partition, record)) {
        partition.host.standStill(partition, { type: 'log-replaced', offset: record.offset });
        return false;
      }
      if (!takeInRecord(partition, record, parse, now)) return true;
      batch.cursor++;
      partition.backlogRecords--;
    }
    partition.backlog.shift();
    partition.backlogBytes -= batch.bytes;
    if (batch.nextOffset > partition.frontier.position) {
      moveTo(partition, batch.nextOffset);
      commitGap(partition);
    }
  }
  return false;
}

/** A wide gap in the offsets (control records, aborted transactions) settles by itself; without a commit it would fill the span for ever. */
function commitGap(partition: Partition): void {
  const { frontier } = partition;
  if (frontier.firstSlot === frontier.endSlot && frontier.offset > partition.committedOffset) partition.commitDue = true;
}

/** What the room knows of this offset is of another record: to pass over this one as known would lose its job. */
function isReplaced(partition: Partition, { offset, timestampMs }: MainRecord): boolean {
  const { restoredMs } = partition;
  const knownMs = restoredMs.size === 0 ? undefined : restoredMs.get(offset);
  if (knownMs === undefined) return false;
  restoredMs.delete(offset);
  return knownMs !== timestampMs;
}

function takeInRecord<R extends MainRecord>(partition: Partition, record: R, parse: EngineOptions<R>['parse'], now: number): boolean {
  const offset = record.offset;
  const frontier = partition.frontier;
  if (offset < frontier.position) return true; // a fetch may repeat what it delivered
  if (partition.committedBits.delete(offset) || partition.tombstoned.has(offset)) {
    partition.tombstoned.delete(offset);
    const slot = frontier.add(offset, null);
    frontier.settle(slot, Math.max(1, partition.durableCommit));
    const known = partition.room.get(offset);
    if (known !== undefined) known.slot = slot;
    partition.commitDue = true;
    moveTo(partition, offset + 1);
    return true;
  }
  const waiting = partition.room.get(offset);
  if (waiting !== undefined) {
    waiting.slot = frontier.add(offset, waiting);
    // Its event may have been lost with its writer; told again, then the main record is settled.
    if (waiting.room === 'in' && waiting.state !== 'ended') partition.tell('waiting', waiting, now, 'settle-main', { reason: waiting.reason, dueMs: waiting.dueMs });
    moveTo(partition, offset + 1);
    return true;
  }
  const input = parse(record, partition.number, now);
  if (input === null) return false;
  const job = new Job(input, laneOf(partition, input));
  job.slot = frontier.add(offset, job);
  frontier.position = offset + 1;
  job.lane.unsettled++;
  partition.memoryJobs++;
  partition.memoryBytes += job.bytes;
  if (job.uniqueForMs === 0 || !isDuplicate(partition, job, now)) place(partition, job, now);
  if (partition.rereadIndex < partition.reread.length) moveTo(partition, offset + 1);
  return true;
}

/** Of the records of an id that may come again, only the first runs. */
function isDuplicate(partition: Partition, job: Job, now: number): boolean {
  const first = claimId(partition, job, now);
  if (first < 0) return false;
  job.state = 'ended';
  partition.tell('duplicate', job, now, 'settle', { words: { progress: null, note: `of ${first}`, result: null } });
  return true;
}

export function laneOf(partition: Partition, input: JobInput): Lane {
  // Without a key there is no order to keep.
  if (input.key === null || input.policy?.order === 'none') return new Lane(partition, null, 0);
  return partition.laneFor(input.key);
}

function place(partition: Partition, job: Job, now: number): void {
  const policy = job.policy;
  if (job.keyText === null && policy !== null && policy.order !== 'none') job.fault ??= NO_KEY;
  if (job.fault !== null && policy?.whenBuried !== 'hold') {
    // It never runs, so it need not wait for its turn.
    buryFaulty(partition, job, job.fault, now);
    return;
  }
  if (job.notBeforeMs > now) {
    job.state = 'waiting';
    job.reason = 'scheduled';
    job.dueMs = job.notBeforeMs;
    partition.host.scheduleDue(job);
    if (job.notBeforeMs - now > partition.host.limits.frontierPatienceMs && fitsRoom(partition, job)) putWait(partition, job);
    return;
  }
  job.lane.insert(job);
  wakeLane(partition, job.lane);
}

const NO_KEY: Fault = {
  reason: 'no-key',
  failure: { code: 'NO_KEY', name: 'NoKey', message: 'its kind keeps order per entity, and the record has no key', at: 0 },
};

/** The position moved: restored jobs whose main record was read again may start. */
function moveTo(partition: Partition, position: number): void {
  partition.frontier.position = position;
  while (partition.rereadIndex < partition.reread.length) {
    const job = partition.reread[partition.rereadIndex] as Job;
    if (job.offset >= position) return;
    partition.rereadIndex++;
    wakeLane(partition, job.lane);
  }
  if (partition.rereadIndex > 0) {
    partition.reread = [];
    partition.rereadIndex = 0;
  }
}
