import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin } from '../kafka/port.ts';

/** Offsets of one partition: the first, and the one after the last. Left out: from the log's start; to its end. */
export interface OffsetRange {
  readonly from?: number;
  readonly to?: number;
}

/**
 * Which records of a queue's main topic are meant. By time: from the first record that is not older than `from`, to the one before the first that is not
 * older than `to`, by the timestamps that Kafka has. By offsets: of the partitions named, and of no others. Neither: all that there are.
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
}

/** Turns a range into offsets, of all partitions in order; those that are not meant are empty. @throws MillraceError BAD_REPLAY, TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function resolveRange(admin: Pick<Admin, 'logBounds' | 'offsetsAt'>, topic: string, range: ReplayRange): Promise<PartitionRange[]> {
  const { from, to, offsets } = range;
  if (offsets !== undefined && (from !== undefined || to !== undefined)) refuse('range', 'times or offsets', 'both');
  if (from !== undefined && to !== undefined && from >= to) refuse('range', 'a beginning before its end', `${from.toISOString()} to ${to.toISOString()}`);
  const bounds = await admin.logBounds(topic);
  if (offsets !== undefined) {
    for (const partition of offsets.keys()) if (!bounds.some((one) => one.partition === partition)) refuse('offsets', `partitions 0 to ${bounds.length - 1}`, partition);
    return bounds.map(({ partition, startOffset, endOffset }) => {
      const asked = offsets.get(partition);
      if (asked === undefined) return { partition, from: startOffset, to: startOffset, deleted: 0 };
      const [first, last] = [asked.from ?? startOffset, Math.min(asked.to ?? endOffset, endOffset)];
      if (!Number.isSafeInteger(first) || first < 0 || (asked.to ?? first) < first) refuse(`offsets of partition ${partition}`, 'a first offset, and one after the last that is not before it', `${first} to ${asked.to ?? ''}`);
      const begin = Math.max(first, startOffset);
      return { partition, from: begin, to: Math.max(begin, last), deleted: Math.max(0, Math.min(startOffset, last) - first) };
    });
  }
  const ask = async (time: Date | undefined) => (time === undefined ? null : admin.offsetsAt(topic, time.getTime()));
  const [begins, ends] = await Promise.all([ask(from), ask(to)]);
  const at = (found: typeof begins, partition: number): number | null => found?.find((one) => one.partition === partition)?.offset ?? null;
  return bounds.map(({ partition, startOffset, endOffset }) => {
    const begin = from === undefined ? startOffset : at(begins, partition) ?? endOffset;
    const end = to === undefined ? endOffset : at(ends, partition) ?? endOffset;
    // What was before the first record that is left may have been young enough.
    const mayBeDeleted = startOffset > 0 && begin <= startOffset;
    return { partition, from: begin, to: Math.max(begin, end), deleted: mayBeDeleted ? null : 0 };
  });
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_REPLAY', { at, expected, got });
}
