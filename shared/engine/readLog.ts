import type { AppliedRecord, GoneRecord, MarkRecord, RoomRecord, WaitRecord } from './effects.ts';
import { commandApplied, readCommand } from './commands.ts';
import { confirmMark, restoreMark, restoreMarkGone, tellMarkTruth } from './marks.ts';
import type { Partition } from './partition.ts';
import { readForgery, readLease, restoreRecord } from './restore.ts';
import { advance, tombstoneConfirmed } from './settle.ts';
import { tellTruth } from './truth.ts';

/** One record of the retry topic, in the order of the log. */
export function readLogRecord(partition: Partition, record: RoomRecord, now: number): void {
  if (partition.phase === 'stopped') return;
  switch (record.type) {
    case 'foreign':
      if (record.control) oweMark(partition, record.key, false);
      else readStrangersWord(partition, record.key);
      return;
    case 'lease':
      readLease(partition, record);
      return;
    case 'command':
    case 'pause':
      readCommand(partition, record);
      return;
    case 'wait':
    case 'tombstone':
    case 'void':
    case 'applied':
    case 'mark':
      readOwnersWord(partition, record, now);
      return;
  }
}

/** It says nothing; but compaction knows only keys: it would keep it in place of a waiting job's record under the same one. */
function readStrangersWord(partition: Partition, key: string): void {
  const bearer = partition.roomKeys.get(key);
  if (bearer === undefined) return;
  if (partition.phase === 'active') tellTruth(partition, bearer.offset, key);
  else partition.owedTruth.set(`${bearer.offset}/${key}`, { origin: bearer.offset, key });
}

function oweMark(partition: Partition, key: string, claimed: boolean): void {
  if (partition.phase === 'active') tellMarkTruth(partition, key, claimed);
  else partition.owedMarks.set(key, claimed || partition.owedMarks.get(key) === true);
}

function readOwnersWord(partition: Partition, record: WaitRecord | GoneRecord | AppliedRecord | MarkRecord, now: number): void {
  const origin = originOf(record);
  const active = partition.phase === 'active';
  switch (partition.log.judge(record)) {
    case 'zombie':
    case 'stale':
      // A doubled write counts no more than a zombie's, even when it repeats the last word: compaction may keep it alone.
      if (record.type === 'mark' || record.type === 'applied') oweMark(partition, record.key, record.type === 'mark');
      else if (active) tellTruth(partition, origin, record.key);
      else partition.owedTruth.set(`${origin}/${record.key}`, { origin, key: record.key });
      return;
    case 'valid':
      if (active) confirm(partition, record, now);
      else if (partition.phase === 'confirming') readForgery(partition, record);
      else if (record.type === 'applied' || record.type === 'mark') {
        commandApplied(partition, record.key);
        if (record.type === 'mark') restoreMark(partition, record);
        else restoreMarkGone(partition, record.key);
      } else restoreRecord(partition, record);
      return;
  }
}

function originOf(record: WaitRecord | GoneRecord | AppliedRecord | MarkRecord): number {
  switch (record.type) {
    case 'wait':
      return record.job.offset;
    case 'tombstone':
    case 'void':
      return record.origin;
    case 'applied':
    case 'mark':
      return -1;
  }
}

/** Rule 1: our own write counts now that it is read back with no higher lease before it. */
function confirm(partition: Partition, record: WaitRecord | GoneRecord | AppliedRecord | MarkRecord, now: number): void {
  const unconfirmed = partition.log.unconfirmed;
  const write = unconfirmed.peek();
  if (write?.seq !== record.seq || write.epoch !== record.epoch || write.key !== record.key || write.type !== record.type) {
    readForgery(partition, record);
    return;
  }
  unconfirmed.shift();
  write.confirmed = true;
  const job = write.job;
  switch (write.type) {
    case 'wait': {
      if (job === null) return;
      partition.log.note(job, record.offset, write.epoch, write.seq);
      if (job.room === 'writing') job.room = 'in';
      const then = job.slot >= 0 && !partition.frontier.isSettled(job.slot) ? 'settle-main' : 'nothing';
      // Over while its record was on its way: that it waits would be the last word of its status. Its tombstone settles it.
      if (job.state === 'ended') return;
      if (write.reason === 'running' || job.state === 'running') {
        if (then === 'nothing' && (write.reason === 'running' || job.startTold)) return;
        partition.tell('started', job, now, then, { attempt: job.attempt + 1 });
        job.startTold = true;
      } else {
        partition.tell('waiting', job, now, then, { attempt: write.attempt, reason: write.reason, dueMs: write.dueMs === 0 ? null : write.dueMs, failure: write.failure });
      }
      return;
    }
    case 'tombstone':
      if (job !== null) tombstoneConfirmed(partition, job);
      return;
    case 'applied':
    case 'mark': {
      commandApplied(partition, write.key);
      const ended = write.mark === null ? null : confirmMark(partition, write.mark, write, record.offset);
      if (ended !== null) advance(partition, ended.lane);
      return;
    }
    case 'void':
      return;
  }
}
