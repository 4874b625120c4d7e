import type { Engine } from '../../../../shared/engine/engine.ts';
import type { Job } from '../../../../shared/engine/job.ts';
import type { Lane } from '../../../../shared/engine/lane.ts';
import type { Partition } from '../../../../shared/engine/partition.ts';
import type { MainEntry } from './mainLog.ts';

/** What the engine's counters and lists must always agree on; null when they do. */
export function brokenInvariant(engine: Engine<MainEntry>): string | null {
  let due = 0;
  for (const partition of engine.partitions.values()) {
    const broken = brokenPartition(partition);
    if (broken !== null) return `${partition.holder}: ${broken}`;
    for (const job of jobsOf(partition)) {
      if (job.heapIndex >= 0) due++;
      if (partition.phase === 'active' && (job.state === 'waiting') !== (job.heapIndex >= 0)) return `${partition.holder}: ${job.offset} is ${job.state}, place in the heap ${job.heapIndex}`;
    }
  }
  if (engine.running < 0) return `engine: running ${engine.running}`;
  return engine.waiting === due ? null : `engine: ${engine.waiting} in the heap, ${due} jobs say so`;
}

function jobsOf(partition: Partition): Set<Job> {
  const jobs = new Set(partition.room.values());
  for (let slot = partition.frontier.firstSlot; slot < partition.frontier.endSlot; slot++) {
    const job = partition.frontier.jobAt(slot);
    if (job !== null) jobs.add(job);
  }
  return jobs;
}

function brokenPartition(partition: Partition): string | null {
  let memoryJobs = 0;
  let memoryBytes = 0;
  let roomBytes = 0;
  for (const job of jobsOf(partition)) {
    if (job.lane.unsettled <= 0) return `lane ${job.lane.key}: ${job.lane.unsettled} unsettled, with ${job.offset}`;
    if (job.room === 'none') {
      memoryJobs++;
      memoryBytes += job.bytes;
    } else roomBytes += job.bytes;
  }
  if (partition.phase === 'stopped') return null;
  if (memoryJobs !== partition.memoryJobs) return `memoryJobs ${partition.memoryJobs}, counted ${memoryJobs}`;
  if (memoryBytes !== partition.memoryBytes) return `memoryBytes ${partition.memoryBytes}, counted ${memoryBytes}`;
  if (roomBytes !== partition.roomBytes) return `roomBytes ${partition.roomBytes}, counted ${roomBytes}`;
  if (partition.running < 0) return `running ${partition.running}`;
  if (partition.backlogRecords < 0) return `backlogRecords ${partition.backlogRecords}`;
  if (partition.backlogBytes < 0) return `backlogBytes ${partition.backlogBytes}`;
  for (const lane of partition.lanes.values()) {
    const broken = brokenLane(lane);
    if (broken !== null) return broken;
  }
  return null;
}

function brokenLane(lane: Lane): string | null {
  let before: Job | null = null;
  for (let job = lane.head; job !== null; job = job.next) {
    if (job.prev !== before || !job.inLane || job.lane !== lane) return `lane ${lane.key}: links of ${job.offset}`;
    if (before !== null && before.place > job.place) return `lane ${lane.key}: ${before.offset} before ${job.offset}`;
    before = job;
  }
  return lane.tail === before ? null : `lane ${lane.key}: tail`;
}
