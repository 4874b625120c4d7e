import { parseRedriveKey } from '../jobs/redriveKey.ts';
import type { CommandRecord, PauseRecord } from './effects.ts';
import { withdraw } from './finish.ts';
import { laneOf } from './intake.ts';
import { Job } from './job.ts';
import { dropMark, markFor, noteRedriven, PAUSE_PREFIX, putMark, setPause } from './marks.ts';
import type { Partition } from './partition.ts';
import { fitsRoom, putApplied, putWait, takeBody } from './room.ts';
import type { PendingCommand } from './roomLog.ts';
import { reclaimId } from './uniqueIds.ts';
import { wakeDue, wakeLane, wakePaused } from './wake.ts';

/** Longer than dead letters are kept (a year): no burial outlives the memory that it was redriven. */
const REDRIVEN_FOR_MS = 400 * 86_400_000;

/**
 * Commands are records that an operator appends to the retry log. One stands until its owner has written, right behind its
 * effect (the job's waiting record, its tombstone, a mark), that it is applied; so a crash in between applies it again at most once
 * more. A command that meets a job on its way out (the dead letter was seen before its burial was settled) waits until it is out; one about a job
 * whose main record is yet to be read waits for that.
 */
export function readCommand(partition: Partition, record: CommandRecord | PauseRecord): void {
  const former = partition.commands.get(record.key);
  // Said twice (a redrive by two operators): an answer that is under way lies behind both.
  const command: PendingCommand = { record, applied: former?.applied ?? false, logOffset: -1, logEpoch: 0, logSeq: 0 };
  if (former !== undefined) partition.log.forget(former);
  partition.log.note(command, record.offset, partition.log.epoch, partition.log.seq + 1);
  partition.commands.set(record.key, command);
  partition.unapplied.delete(record.key);
  if (!command.applied) partition.unapplied.set(record.key, command);
}

/** The log says that a command was applied. */
export function commandApplied(partition: Partition, key: string): void {
  const command = partition.commands.get(key);
  if (command === undefined) return;
  partition.log.forget(command);
  partition.commands.delete(key);
  partition.unapplied.delete(key);
}

/** Applies what can be applied. Called when something changed that they may wait for, once for many records: there may be a hundred thousand of them. */
export function applyCommands(partition: Partition, now: number): void {
  for (const [key, pending] of partition.unapplied) {
    const { record } = pending;
    if (record.type === 'pause') {
      pending.applied = true;
      pause(partition, record);
    } else applyToJob(partition, pending, record, now);
    if (pending.applied) partition.unapplied.delete(key);
  }
}

function applyToJob(partition: Partition, pending: PendingCommand, record: CommandRecord, now: number): void {
  const origin = record.job.offset;
  const job = partition.room.get(origin) ?? liveAt(partition, origin);
  if (job !== null && (job.state === 'burying' || job.state === 'ended' || job.state === 'claiming')) return;
  let found: boolean;
  switch (record.command) {
    case 'redrive':
      found = redriveOnce(partition, record, job, now);
      break;
    case 'discard':
      found = job?.state === 'held';
      if (found && job !== null) {
        partition.answers.set(job, record.key);
        withdraw(partition, job, 'discarded', now);
      } else putApplied(partition, record.key);
      break;
    case 'cancel':
      if (job === null ? isYetToCome(partition, origin) : job.claimed && job.state === 'queued') return;
      found = job?.id === record.job.id;
      if (found && job !== null) cancel(partition, record, job, now);
      else putApplied(partition, record.key);
      break;
    case 'run-now':
      if (job === null && isYetToCome(partition, origin)) return;
      found = job?.id === record.job.id && job.state === 'waiting';
      if (found && job !== null) runNow(partition, job, now);
      putApplied(partition, record.key);
      break;
  }
  pending.applied = true;
  partition.notice({ type: 'command-applied', command: record.command, origin, found });
}

function liveAt(partition: Partition, origin: number): Job | null {
  const slot = partition.frontier.slotOf(origin);
  return slot < 0 ? null : partition.frontier.jobAt(slot);
}

/** Its main record was not read, or not again in this reign, and nothing says that it is settled. */
function isYetToCome(partition: Partition, origin: number): boolean {
  return origin >= partition.frontier.position && !partition.committedBits.has(origin) && !partition.tombstoned.has(origin);
}

/**
 * A burial is redriven once: the mark of that stays. Two letters of one burial (its first owner was killed before it was settled) know of the same
 * redrive before them, so that the second is told from a later burial.
 */
function redriveOnce(partition: Partition, record: CommandRecord, job: Job | null, now: number): boolean {
  const named = parseRedriveKey(record.key);
  if (named?.origin !== record.job.offset) {
    // It names no burial: another tool's.
    const found = redrive(partition, record, job, now);
    putApplied(partition, record.key);
    return found;
  }
  const former = partition.redriven.get(named.origin);
  if (former !== undefined && former !== named.burial && (former > named.burial || (record.redriven !== null && record.redriven !== former))) {
    putApplied(partition, record.key);
    return false;
  }
  const again = former === named.burial;
  const found = !again && redrive(partition, record, job, now);
  noteRedriven(partition, named.origin, named.burial);
  const mark = markFor(partition, record.key);
  mark.origin = named.origin;
  if (!again) mark.untilMs = now + REDRIVEN_FOR_MS;
  // Also when it stands already: compaction knows only keys, and would keep the second command in its place.
  putMark(partition, mark);
  const older = former === undefined || again ? undefined : partition.marks.get(`redrive/${named.origin}/${former}`);
  if (older !== undefined) dropMark(partition, older);
  return found;
}

function redrive(partition: Partition, record: CommandRecord, job: Job | null, now: number): boolean {
  if (job !== null && job.state !== 'held') return false; // it lives already: somebody was quicker
  if (job !== null) {
    if (!partition.host.hasValue(job, record.job.value)) edit(partition, job, record);
    job.attempt = 0;
    job.concluded = false;
    job.state = 'queued';
    job.reason = 'behind';
    putWait(partition, job);
    partition.tell('redriven', job, now, 'nothing');
    wakeLane(partition, job.lane);
    return true;
  }
  const revived = new Job(record.job, laneOf(partition, record.job));
  revived.firstFailure = record.firstFailure;
  revived.lane.unsettled++;
  revived.lane.insert(revived);
  letClaimedGoFirst(revived);
  if (revived.uniqueForMs > 0) reclaimId(partition, revived);
  if (revived.offset >= partition.frontier.position) insertReread(partition, revived);
  putWait(partition, revived);
  partition.tell('redriven', revived, now, 'nothing');
  wakeLane(partition, revived.lane);
  return true;
}

/** What was settled before its start goes before what is called back: nobody would ever run it, and others wait for its claim. */
function letClaimedGoFirst({ lane, next, place }: Job): void {
  if (next?.claimed !== true) return;
  lane.remove(next);
  next.place = place - 1;
  lane.insert(next);
}

/** The operator gave it another payload. */
function edit(partition: Partition, job: Job, { job: edited }: CommandRecord): void {
  job.fault = edited.fault;
  takeBody(partition, job, edited);
}

function insertReread(partition: Partition, job: Job): void {
  const { reread } = partition;
  let low = partition.rereadIndex;
  for (let high = reread.length; low < high;) {
    const middle = (low + high) >>> 1;
    if ((reread[middle] as Job).offset < job.offset) low = middle + 1;
    else high = middle;
  }
  reread.splice(low, 0, job);
}

function cancel(partition: Partition, record: CommandRecord, job: Job, now: number): void {
  partition.answers.set(job, record.key);
  // One that was settled before its start has begun, as far as anybody can tell.
  if (!job.claimed) partition.host.ungather((candidate) => candidate === job);
  if (job.state === 'running') {
    partition.cancelling.add(job);
    partition.host.effect({ type: 'cancel', partition: partition.number, job });
    return;
  }
  withdraw(partition, job, 'cancelled', now);
}

/** Due now; and it stays so, should it be restored. A pause still holds it. */
function runNow(partition: Partition, job: Job, now: number): void {
  partition.host.unscheduleDue(job);
  job.dueMs = now;
  wakeDue(partition, job);
  if (job.room !== 'none' || fitsRoom(partition, job)) putWait(partition, job);
}

function pause(partition: Partition, { key, scope, on }: PauseRecord): void {
  if (setPause(partition, scope, on)) {
    const mark = partition.marks.get(PAUSE_PREFIX + scope);
    if (on) putMark(partition, markFor(partition, PAUSE_PREFIX + scope));
    else if (mark !== undefined) dropMark(partition, mark);
    if (on) partition.host.ungather((job) => job.lane.partition === partition && partition.pauses?.holds(job) === true);
    else wakePaused(partition);
    partition.notice({ type: 'pause', scope, on });
  }
  putApplied(partition, key);
}
