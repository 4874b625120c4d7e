import type { Job } from './job.ts';
import type { Partition } from './partition.ts';
import { putTruth, putWait } from './room.ts';

/**
 * Somebody who owns nothing any more wrote about an offset (or a write of ours came twice, late). It counts for nobody who
 * reads the log, but compaction knows only keys: it could keep the false record and drop the true one. So the owner says
 * again what is true (rule 7).
 */
export function tellTruth(partition: Partition, origin: number, key: string): void {
  if (origin < 0) return;
  const bearer = partition.roomKeys.get(key);
  if (bearer !== undefined && bearer.offset !== origin) {
    // Another job lives under this key (a double of the id). Its record has to stand last there, and it says nothing of `origin`.
    if (bearer.room === 'in' && !isUnderWay(partition, bearer)) putWait(partition, bearer);
    return;
  }
  const told = truthOf(partition, origin);
  switch (told) {
    case 'silence':
      break;
    case 'wait': {
      const job = partition.room.get(origin);
      if (job !== undefined) putWait(partition, job);
      break;
    }
    case 'tombstone':
    case 'void':
      putTruth(partition, told, key, origin);
      break;
  }
  if (told !== 'silence') partition.notice({ type: 'zombie-answered', origin, truth: told });
}

/** Is a write of ours about the job sent, and not read back? It then lies behind all that was read so far. */
function isUnderWay(partition: Partition, job: Job): boolean {
  return job.lastSeq > 0 && (job.logEpoch !== partition.epoch || job.logSeq < job.lastSeq);
}

function truthOf(partition: Partition, origin: number): 'wait' | 'tombstone' | 'void' | 'silence' {
  const waiting = partition.room.get(origin);
  if (waiting !== undefined) {
    // Done, but not durably settled yet: its own tombstone follows.
    if (waiting.room === 'leaving' || waiting.state === 'ended') return 'silence';
    // A write under way says it soon.
    return waiting.room === 'in' && !isUnderWay(partition, waiting) ? 'wait' : 'silence';
  }
  if (origin < partition.committedOffset || partition.committedBits.has(origin) || partition.tombstoned.has(origin)) return 'tombstone';
  const slot = partition.frontier.slotOf(origin);
  if (slot < 0) return 'void'; // its main record is yet to come
  const settledIn = partition.frontier.settledIn(slot);
  if (settledIn !== 0) return settledIn <= partition.durableCommit || settledIn === 1 ? 'tombstone' : 'silence';
  const job = partition.frontier.jobAt(slot);
  return job === null || job.state === 'ended' ? 'silence' : 'void';
}
