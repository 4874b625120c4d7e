import { MAX_SPAN } from './commitMetadata.ts';
import { Job } from './job.ts';
import { Mark, putMark } from './marks.ts';
import type { Partition } from './partition.ts';
import { fitsRoom, putWait } from './room.ts';

/** Slots looked at, and records rewritten, at one flush: eviction must not become a burst of its own. */
const SLOTS_PER_FLUSH = 4096;
const REWRITES_PER_FLUSH = 512;
/** A retry log is read from its frontier at each restore; old records are written anew when it has grown this far beyond need. */
const LOG_SLACK_RECORDS = 50_000;

/**
 * When the frontier has stood on one job for longer than the patience, or its span grows large, the jobs that hold it are
 * written to the waiting room, so that one slow entity holds back neither commits nor memory nor anybody else.
 * @param starved slots are free, nothing is ready, and intake is full: one entity's jobs fill the memory
 */
export function evictBlockers(partition: Partition, starved: boolean, now: number): void {
  const frontier = partition.frontier;
  const first = frontier.firstSlot;
  if (first === frontier.endSlot) {
    partition.frontSlot = -1;
    return;
  }
  if (partition.frontSlot !== first) {
    partition.frontSlot = first;
    partition.frontSinceMs = now;
  }
  const pressed = partition.span > MAX_SPAN / 2 || starved;
  if (!pressed && now - partition.frontSinceMs < partition.host.limits.frontierPatienceMs) return;
  const end = Math.min(frontier.endSlot, first + SLOTS_PER_FLUSH);
  const room = partition.host.limits.roomEntries - partition.room.size;
  let evicted = 0;
  for (let slot = first; slot < end && evicted < room; slot++) {
    const job = frontier.jobAt(slot);
    if (job === null || job.room !== 'none' || !blocks(partition, job, now, pressed) || !fitsRoom(partition, job)) continue;
    putWait(partition, job);
    evicted++;
  }
}

function blocks(partition: Partition, job: Job, now: number, pressed: boolean): boolean {
  const patience = partition.host.limits.frontierPatienceMs;
  switch (job.state) {
    case 'waiting':
    case 'held':
      return true;
    case 'running':
      return now - job.startedMs >= patience;
    case 'queued': {
      const head = job.lane.head;
      if (partition.pauses !== null && head?.state === 'queued' && partition.pauses.holds(head)) return true;
      if (head === null || head === job) return false; // it only waits for a free slot
      // Rule 5: the head waits for the main topic to be read, which a forged word about an offset to come may let it do for ever.
      if (head.state === 'queued' && head.slot < 0 && head.offset >= partition.frontier.position) return true;
      return pressed || head.state === 'waiting' || head.state === 'held' || (head.state === 'running' && now - head.startedMs >= patience);
    }
    case 'claiming':
    case 'burying':
    case 'ended':
      return false;
  }
}

/** Moves the retry frontier on by writing the oldest waiting records again at the end of the log. */
export function rewriteOldest(partition: Partition): void {
  const log = partition.log;
  const span = log.position - log.frontier().offset;
  if (span < LOG_SLACK_RECORDS || span < 4 * log.liveCount || partition.retry.pending > 0) return;
  let looked = 0;
  for (const thing of log.oldestFirst()) {
    if (looked++ >= 4 * REWRITES_PER_FLUSH || partition.retry.pending >= REWRITES_PER_FLUSH || thing.logOffset >= log.position - LOG_SLACK_RECORDS / 2) return;
    if (thing instanceof Job) {
      if (thing.room === 'in') putWait(partition, thing);
    } else if (thing instanceof Mark && thing.writes === 0) putMark(partition, thing);
  }
}
