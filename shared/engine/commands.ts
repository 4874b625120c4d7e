import type { CommandRecord } from './effects.ts';
import { laneOf } from './intake.ts';
import { Job } from './job.ts';
import type { Partition } from './partition.ts';
import { putApplied, putWait } from './room.ts';
import { wakeLane } from './wake.ts';

/**
 * Commands are records that an operator appends to the retry log. One stands until its owner has written, right behind its
 * effect (the job's waiting record, or its tombstone), that it is applied; so a crash in between applies it again at most once
 * more, and a second redrive of a job that lives already does nothing. A command that meets a job on its way out (the dead letter
 * was seen before its burial was settled) waits until it is out.
 */
export function readCommand(partition: Partition, record: CommandRecord, now: number): void {
  const command = { record, applied: false, discards: null, logOffset: -1, logEpoch: 0, logSeq: 0 };
  partition.log.note(command, record.offset, partition.log.epoch, partition.log.seq + 1);
  partition.commands.set(record.key, command);
  if (partition.phase === 'active') applyCommands(partition, now);
}

/** The log says that a command was applied. */
export function commandApplied(partition: Partition, key: string): void {
  const command = partition.commands.get(key);
  if (command === undefined) return;
  partition.log.forget(command);
  partition.commands.delete(key);
}

export function applyCommands(partition: Partition, now: number): void {
  for (const [key, pending] of partition.commands) {
    if (pending.applied) continue;
    const { record } = pending;
    const origin = record.job.offset;
    const job = partition.room.get(origin) ?? liveAt(partition, origin);
    if (job?.state === 'burying' || job?.state === 'ended') continue;
    pending.applied = true;
    const found = record.command === 'redrive' ? redrive(partition, record, job, now) : discard(partition, job, now);
    if (found && record.command === 'discard') pending.discards = job;
    else putApplied(partition, key);
    partition.notice({ type: 'command-applied', command: record.command, origin, found });
  }
}

/** The job's tombstone is written: so is the answer to the command that discarded it. */
export function answerDiscard(partition: Partition, job: Job): void {
  for (const [key, pending] of partition.commands) if (pending.discards === job) putApplied(partition, key);
}

function liveAt(partition: Partition, origin: number): Job | null {
  const slot = partition.frontier.slotOf(origin);
  return slot < 0 ? null : partition.frontier.jobAt(slot);
}

function redrive(partition: Partition, record: CommandRecord, job: Job | null, now: number): boolean {
  if (job !== null && job.state !== 'held') return false; // it lives already: somebody was quicker
  if (job !== null) {
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
  if (revived.offset >= partition.frontier.position) insertReread(partition, revived);
  putWait(partition, revived);
  partition.tell('redriven', revived, now, 'nothing');
  wakeLane(partition, revived.lane);
  return true;
}

function insertReread(partition: Partition, job: Job): void {
  partition.reread.push(job);
  const rest = partition.reread.slice(partition.rereadIndex).sort((a, b) => a.offset - b.offset);
  partition.reread = rest;
  partition.rereadIndex = 0;
}

function discard(partition: Partition, job: Job | null, now: number): boolean {
  if (job?.state !== 'held') return false;
  job.state = 'ended';
  job.lane.remove(job);
  partition.tell('discarded', job, now, 'settle');
  wakeLane(partition, job.lane);
  return true;
}
