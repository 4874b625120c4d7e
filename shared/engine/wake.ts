import type { Job } from './job.ts';
import type { Lane } from './lane.ts';
import type { Partition } from './partition.ts';
import { putWait } from './room.ts';

/** The job at a lane's head, if it may start now. */
export function runnableHead(partition: Partition, lane: Lane): Job | null {
  const head = lane.head;
  if (head === null || lane.busy !== null || head.state !== 'queued' || partition.phase !== 'active') return null;
  if (partition.draining && !head.claimed) return null;
  if (partition.pauses !== null && partition.pauses.holds(head)) return null;
  // Rule 5: a predecessor of a restored job may still be in the main topic.
  return head.slot >= 0 || head.offset < partition.frontier.position ? head : null;
}

export function wakeLane(partition: Partition, lane: Lane): void {
  if (!lane.ready && runnableHead(partition, lane) !== null) partition.host.makeReady(lane);
}

/** A pause ended: what it held may start. */
export function wakePaused(partition: Partition): void {
  const { frontier, room } = partition;
  for (const job of room.values()) if (job.inLane) wakeLane(partition, job.lane);
  for (let slot = frontier.firstSlot; slot < frontier.endSlot; slot++) {
    const job = frontier.jobAt(slot);
    if (job?.inLane === true) wakeLane(partition, job.lane);
  }
}

/** A waiting job is due: it takes its place and may run. */
export function wakeDue(partition: Partition, job: Job): void {
  if (job.state !== 'waiting') return;
  job.state = 'queued';
  const lane = job.lane;
  if (!job.inLane) {
    // Scheduled and overtaken jobs line up behind those already there.
    if (lane.tail !== null) job.place = Math.max(job.place, lane.tail.place);
    lane.insert(job);
  }
  wakeLane(partition, lane);
  // What its record in the room tells of its time is over.
  if (partition.pauses !== null && job.room === 'in' && partition.pauses.holds(job)) putWait(partition, job);
}
