import { parseRedriveKey } from '../jobs/redriveKey.ts';
import type { MarkRecord, RoomWrite } from './effects.ts';
import type { Job } from './job.ts';
import type { Partition } from './partition.ts';
import { Pauses } from './pauses.ts';
import { controlWrite } from './room.ts';
import type { LoggedThing } from './roomLog.ts';

/** In front of the scope in the key of a pause's mark. */
export const PAUSE_PREFIX = 'pause/';
/** In front of the id in the key of the mark of an id that may come again. */
export const SEEN_PREFIX = 'seen/';

/** Marks looked at in one flush, to find those that say nothing any more. */
const SWEPT_PER_FLUSH = 512;
/** Marks looked at to find one to forget when there are too many. */
const LOOKED_AT_TO_FORGET = 64;

/**
 * What an owner must not forget though no job waits for it: a redrive that was carried out, a pause, an id that ran. It stands in the log under a key
 * of its own, written by owners alone, and keeps the retry frontier behind it as a waiting job does; so each owner restores all of them.
 */
export class Mark implements LoggedThing {
  readonly key: string;
  /** Main offset of the job that it is about; −1: none. */
  origin = -1;
  /** Epoch ms from which it says nothing any more; 0: it always does. */
  untilMs = 0;
  /** The live job that bears the id; it is settled only after the mark of that was read back. */
  job: Job | null = null;
  /** The mark of {@link job}'s end is on its way. */
  sealing = false;
  /** It says nothing any more, but that is not read back yet. */
  gone = false;
  /** Writes of it that were put and not read back. */
  writes = 0;
  logOffset = -1;
  logEpoch = 0;
  logSeq = 0;

  constructor(key: string) {
    this.key = key;
  }
}

/** The mark under a key, made where there is none. */
export function markFor(partition: Partition, key: string): Mark {
  let mark = partition.marks.get(key);
  if (mark === undefined) partition.marks.set(key, (mark = new Mark(key)));
  mark.gone = false;
  return mark;
}

/** Writes a mark, or writes it again. */
export function putMark(partition: Partition, mark: Mark): void {
  mark.writes++;
  const write = controlWrite('mark', mark.key, mark.origin, mark);
  write.dueMs = mark.untilMs;
  partition.retry.put(write);
}

/** The mark says nothing any more. It keeps the frontier until the log says so too, or a reader who starts behind that would believe it again. */
export function dropMark(partition: Partition, mark: Mark): void {
  if (mark.gone) return;
  mark.gone = true;
  forgetRedriven(partition, mark.key);
  mark.writes++;
  partition.retry.put(controlWrite('applied', mark.key, -1, mark));
}

/** A mark in the log while the partition restores. */
export function restoreMark(partition: Partition, record: MarkRecord): void {
  const mark = markFor(partition, record.key);
  mark.origin = record.origin;
  mark.untilMs = record.untilMs;
  partition.log.note(mark, record.offset, record.epoch, record.seq);
  const redrive = parseRedriveKey(record.key);
  if (redrive !== null) noteRedriven(partition, redrive.origin, redrive.burial);
  if (record.key.startsWith(PAUSE_PREFIX)) setPause(partition, record.key.slice(PAUSE_PREFIX.length), true);
}

/** The end of a mark in the log while the partition restores. */
export function restoreMarkGone(partition: Partition, key: string): void {
  const mark = partition.marks.get(key);
  if (mark === undefined) return;
  partition.log.forget(mark);
  partition.marks.delete(key);
  forgetRedriven(partition, key);
  if (key.startsWith(PAUSE_PREFIX)) setPause(partition, key.slice(PAUSE_PREFIX.length), false);
}

/** A write of ours was read back. @returns the job whose end it marks, if that may be settled now */
export function confirmMark(partition: Partition, mark: Mark, write: RoomWrite, offset: number): Job | null {
  mark.writes--;
  if (write.type === 'mark') {
    partition.log.note(mark, offset, write.epoch, write.seq);
    if (!mark.sealing || write.dueMs !== mark.untilMs) return null;
    const { job } = mark;
    mark.sealing = false;
    mark.job = null;
    return job;
  }
  if (mark.gone && mark.writes === 0) {
    partition.log.forget(mark);
    partition.marks.delete(mark.key);
  }
  return null;
}

/**
 * Somebody who must not wrote under a control key, or a write of ours came twice: compaction could keep that and drop our mark (rule 7), or keep a
 * mark that is none.
 */
export function tellMarkTruth(partition: Partition, key: string, claimed: boolean): void {
  const mark = partition.marks.get(key);
  if (mark !== undefined) {
    // A write under way lies behind all that was read so far.
    if (mark.writes === 0 && mark.logOffset >= 0) putMark(partition, mark);
    return;
  }
  // The answer to a command that stands says it soon.
  if (claimed && !partition.commands.has(key)) partition.retry.put(controlWrite('applied', key, -1, null));
}

/** Forgets, some at a time, the marks that say nothing any more. */
export function sweepMarks(partition: Partition, now: number): void {
  if (partition.marks.size === 0) return;
  for (let looked = 0; looked < SWEPT_PER_FLUSH; looked++) {
    const mark = nextMark(partition);
    if (mark === null) return;
    if (!mark.gone && mark.job === null && mark.untilMs > 0 && mark.untilMs <= now) dropMark(partition, mark);
  }
}

/** There are as many ids as the limit lets: forgets an old one, so that a new one finds room. */
export function makeRoomForId(partition: Partition): void {
  const { limits, share } = partition.host;
  if (partition.marks.size < limits.rememberedIds * share) return;
  for (let looked = 0; looked < LOOKED_AT_TO_FORGET; looked++) {
    const mark = nextMark(partition);
    if (mark === null) return;
    if (mark.gone || mark.job !== null || !mark.key.startsWith(SEEN_PREFIX)) continue;
    dropMark(partition, mark);
    partition.notice({ type: 'ids-forgotten', ids: 1 });
    return;
  }
}

/** Walks over the marks, oldest first, and begins anew after the last; null at the end of each round. */
function nextMark(partition: Partition): Mark | null {
  partition.markWalk ??= partition.marks.values();
  const next = partition.markWalk.next();
  if (next.done !== true) return next.value;
  partition.markWalk = null;
  return null;
}

/** The latest burial of a job that was answered by a redrive; all before it are, too. */
export function noteRedriven(partition: Partition, origin: number, burial: number): void {
  partition.redriven.set(origin, Math.max(burial, partition.redriven.get(origin) ?? -1));
}

function forgetRedriven(partition: Partition, key: string): void {
  const redrive = parseRedriveKey(key);
  if (redrive !== null && partition.redriven.get(redrive.origin) === redrive.burial) partition.redriven.delete(redrive.origin);
}

/** @returns false for what is no scope */
export function setPause(partition: Partition, scope: string, on: boolean): boolean {
  const pauses = partition.pauses ?? new Pauses();
  if (!pauses.set(scope, on)) return false;
  partition.pauses = pauses.none ? null : pauses;
  return true;
}
