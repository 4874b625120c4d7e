import { Fifo } from './fifo.ts';
import { answerCommand } from './answer.ts';
import { putTombstone } from './room.ts';
import { isSealing, sealId } from './uniqueIds.ts';
import { wakeLane } from './wake.ts';
import type { Job } from './job.ts';
import { Lane } from './lane.ts';
import type { Partition } from './partition.ts';

/**
 * A job's fate is decided and its event is acked: make it durable. A job that never was in the room is settled by the next
 * commit; one in the room by its tombstone, once that is read back. Inside a lane this happens in order (rule 9), so that what
 * a crash repeats is always the end of a lane, never a lone old job.
 */
export function settle(partition: Partition, job: Job, now: number): void {
  if (job.claimed) {
    answerCommand(partition, job);
    return; // at-most-once: it was settled before it started
  }
  const lane = job.lane;
  const sealed = job.uniqueForMs === 0 || sealId(partition, job, now);
  if (sealed && lane.settling === null && lane.leaving === 0 && job.room === 'none') {
    settleByCommit(partition, lane, job);
    return;
  }
  (lane.settling ??= new Fifo()).push(job);
  advance(partition, lane);
}

/** Settles what may be settled now of what ended in the lane. */
export function advance(partition: Partition, lane: Lane): void {
  const queue = lane.settling;
  if (queue === null) return;
  for (let job = queue.peek(); job !== undefined; job = queue.peek()) {
    if (job.uniqueForMs > 0 && isSealing(partition, job)) return;
    if (job.room === 'none') {
      if (lane.leaving > 0) return;
      settleByCommit(partition, lane, job);
    } else {
      if (lane.awaitsCommit > partition.durableCommit) {
        if (!lane.awaiting) partition.awaitingCommit.push(lane);
        lane.awaiting = true;
        partition.commitDue = true;
        return;
      }
      lane.leaving++;
      putTombstone(partition, job);
      answerCommand(partition, job);
    }
    queue.shift();
  }
  lane.settling = null;
}

function settleByCommit(partition: Partition, lane: Lane, job: Job): void {
  partition.settleSlot(job.slot);
  lane.awaitsCommit = partition.commitNumber;
  lane.unsettled--;
  partition.memoryJobs--;
  partition.memoryBytes -= job.bytes;
  if (job.state === 'claiming' || (partition.answers.size > 0 && partition.answers.has(job))) partition.awaitingCommit.push(job);
}

/** The tombstone of a job was read back as valid: it is settled. */
export function tombstoneConfirmed(partition: Partition, job: Job): void {
  // The tombstone itself says "settled" to every successor, so the slot needs no commit to be known (rule 6).
  if (job.slot >= 0) partition.frontier.settle(job.slot, Math.max(1, partition.durableCommit));
  else if (job.offset >= partition.frontier.position) partition.tombstoned.add(job.offset);
  partition.commitDue = true;
  partition.log.forget(job);
  partition.room.delete(job.offset);
  partition.forgetKey(job);
  partition.roomBytes -= job.bytes;
  partition.host.release(job);
  job.room = 'none';
  job.lane.leaving--;
  job.lane.unsettled--;
  advance(partition, job.lane);
  if (job.state === 'claiming') claimed(partition, job);
}

/** Commit `number` is durable: releases what waited for it. */
export function commitConfirmed(partition: Partition): void {
  const waiting = partition.awaitingCommit.splice(0);
  for (const item of waiting) {
    if (item instanceof Lane) {
      item.awaiting = false;
      advance(partition, item);
    } else if (partition.frontier.settledIn(item.slot) <= partition.durableCommit) {
      if (item.state === 'claiming') claimed(partition, item);
      else answerCommand(partition, item);
    } else partition.awaitingCommit.push(item);
  }
}

/** At-most-once: settles the job first; it starts when that is durable. */
export function settleBeforeStart(partition: Partition, job: Job, now: number): void {
  partition.tell('started', job, now, 'settle', { attempt: job.attempt + 1 });
}

/** At-most-once: nobody will run the job again, so it may start, before what was redriven into its lane meanwhile. */
function claimed(partition: Partition, job: Job): void {
  const { lane } = job;
  job.claimed = true;
  job.state = 'queued';
  lane.busy = null;
  if (lane.head !== null && lane.head !== job && job.inLane) {
    lane.remove(job);
    job.place = lane.head.place - 1;
    lane.insert(job);
  }
  wakeLane(partition, lane);
}
