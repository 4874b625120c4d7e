import { makeRoomForId, markFor, putMark, SEEN_PREFIX, type Mark } from './marks.ts';
import type { Job } from './job.ts';
import type { Partition } from './partition.ts';

/*
 * An id that may come again (an idempotency key, a tick of a schedule): of the records that bear it, the first runs; those that come while it lives, or
 * within its time after it was settled, are dropped. So before a job of such an id is settled, a mark that it ran must be read back: it outlives the job.
 */

/** A new record's job takes its id, unless another has it. @returns main offset of that other; −1: the job is the first */
export function claimId(partition: Partition, job: Job, now: number): number {
  const known = partition.marks.get(SEEN_PREFIX + job.id);
  if (known !== undefined && known.origin !== job.offset && (known.job !== null || (!known.gone && known.untilMs > now))) return known.origin;
  if (known === undefined) makeRoomForId(partition);
  take(partition, job);
  return -1;
}

/** A job that was restored, or redriven, lives again under its id. */
export function reclaimId(partition: Partition, job: Job): void {
  const known = partition.marks.get(SEEN_PREFIX + job.id);
  if (known === undefined || known.job === null) take(partition, job);
}

function take(partition: Partition, job: Job): void {
  const mark = markFor(partition, SEEN_PREFIX + job.id);
  mark.origin = job.offset;
  mark.job = job;
  mark.sealing = false;
}

/** The job's fate is decided: writes the mark of that, once. @returns whether the job need not wait for it */
export function sealId(partition: Partition, job: Job, now: number): boolean {
  const mark = markOf(partition, job);
  if (mark === null) return true;
  if (mark.sealing) return false;
  mark.sealing = true;
  mark.untilMs = now + job.uniqueForMs;
  // In the order of their ends: the oldest are forgotten first.
  partition.marks.delete(mark.key);
  partition.marks.set(mark.key, mark);
  putMark(partition, mark);
  return false;
}

/** Does the job wait for the mark of its end? */
export function isSealing(partition: Partition, job: Job): boolean {
  return markOf(partition, job) !== null;
}

/** Null where the job does not bear its id: a duplicate, or one whose end is marked. */
function markOf(partition: Partition, job: Job): Mark | null {
  const mark = partition.marks.get(SEEN_PREFIX + job.id);
  return mark?.job === job ? mark : null;
}
