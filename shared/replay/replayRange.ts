import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin } from '../kafka/port.ts';

/** Offsets of one partition: the first, and the one after the last. Left out: from the log's start; to its end. */
export interface OffsetRange {
  readonly from?: number;
  readonly to?: number;
}

/**
 * Which records of a queue's main topic are meant. By time: from the first record that is not older than `from`, to the one before the first that is not
 * older than `to`, by the timestamps that Kafka has; one of them at least. By offsets: of the partitions named, and of no others.
 */
export interface ReplayRange {
  readonly from?: Date;
  readonly to?: Date;
  readonly offsets?: ReadonlyMap<number, OffsetRange>;
}

/** A range in one partition, as offsets. */
export interface PartitionRange {
  readonly partition: number;
  readonly from: number;
  /** The offset after the last. */
  readonly to: number;
  /** Records that were asked for and that Kafka has deleted; null: some may be, and how many cannot be known (asked by time). */
  readonly deleted: number | null;
  /** It ends where the log ends now: no end was asked for, or a later one. */
  readonly isOpen: boolean;
  /** A later end was asked for than there is: what is yet to come is not in it. */
  readonly endsLater: boolean;
}

/**
 * Turns a range into offsets, of all partitions in order; those that are not meant are empty.
 * @param range `all`: all that there is @throws MillraceError BAD_REPLAY, TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function resolveRange(admin: Pick<Admin, 'logBounds' | 'offsetsAt'>, topic: string, range: ReplayRange | 'all', nowMs: number): Promise<PartitionRange[]> {
  const { from, to, offsets } = range === 'all' ? {} as ReplayRange : range;
  if (range !== 'all') checkRange(range);
  const bounds = await admin.logBounds(topic);
  if (offsets !== undefined) {
    for (const partition of offsets.keys()) if (!bounds.some((one) => one.partition === partition)) refuse('offsets', `partitions 0 to ${bounds.length - 1}`, partition);
    return bounds.map(({ partition, startOffset, endOffset }) => {
      const asked = offsets.get(partition);
      if (asked === undefined) return { partition, from: startOffset, to: startOffset, deleted: 0, isOpen: false, endsLater: false };
      const [first, last] = [asked.from ?? startOffset, Math.min(asked.to ?? endOffset, endOffset)];
      const begin = Math.max(first, startOffset);
      const endsLater = (asked.to ?? 0) > endOffset;
      return { partition, from: begin, to: Math.max(begin, last), deleted: Math.max(0, Math.min(startOffset, last) - first), isOpen: asked.to === undefined || endsLater, endsLater };
    });
  }
  const ask = async (time: Date | undefined) => (time === undefined ? null : admin.offsetsAt(topic, time.getTime()));
  const [begins, ends] = await Promise.all([ask(from), ask(to)]);
  const at = (found: typeof begins, partition: number): number | null => found?.find((one) => one.partition === partition)?.offset ?? null;
  return bounds.map(({ partition, startOffset, endOffset }) => {
    const begin = from === undefined ? startOffset : at(begins, partition) ?? endOffset;
    const end = at(ends, partition);
    const endsLater = to !== undefined && end === null && to.getTime() > nowMs;
    // What was before the first record that is left may have been young enough.
    const mayBeDeleted = startOffset > 0 && begin <= startOffset;
    return { partition, from: begin, to: Math.max(begin, end ?? endOffset), deleted: mayBeDeleted ? null : 0, isOpen: to === undefined || endsLater, endsLater };
  });
}

/** What can be told without Kafka. */
function checkRange({ from, to, offsets }: ReplayRange): void {
  for (const [at, time] of [['from', from], ['to', to]] as const) if (time !== undefined && !(time instanceof Date && !Number.isNaN(time.getTime()))) refuse(at, 'a point in time, as a Date', time);
  if (offsets === undefined) {
    if (from === undefined && to === undefined) refuse('range', 'a time from which or to which, or offsets', 'neither');
    if (from !== undefined && to !== undefined && from >= to) refuse('range', 'a beginning before its end', `${from.toISOString()} to ${to.toISOString()}`);
    return;
  }
  if (from !== undefined || to !== undefined) refuse('range', 'times or offsets', 'both');
  if (!(offsets instanceof Map) || offsets.size === 0) refuse('offsets', 'a Map with a range for each partition that is meant', offsets);
  for (const [partition, { from: first = 0, to: end = Number.MAX_SAFE_INTEGER }] of offsets) {
    const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(end) && first >= 0 && end >= first;
    if (!isRange) refuse(`offsets of partition ${partition}`, 'a first offset, and one after the last that is not before it', `${first} to ${end}`);
  }
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_REPLAY', { at, expected, got });
}
