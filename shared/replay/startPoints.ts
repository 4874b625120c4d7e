import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { Admin, PartitionCommit } from '../kafka/port.ts';
import type { ReplayOptions } from './replayOptions.ts';
import { areOfOneReplay, decodeReplayPoint, encodeReplayPoint, passOverDeleted, settledAbove, type ReplayPoint } from './replayPoint.ts';
import { resolveRange, type PartitionRange } from './replayRange.ts';
import { digestOf } from './replaySelection.ts';

/** Where a replay begins, or goes on. */
export interface StartPoints {
  /** From where to where, of each partition. */
  readonly points: ReadonlyMap<number, ReplayPoint>;
  /** It is written down: this run goes on, and another one can. */
  readonly begun: boolean;
  /** By partition: records that were asked for and that Kafka has deleted; null: it cannot be known how many. */
  readonly deleted: ReadonlyMap<number, number | null>;
  /** A later end was asked for than there is. */
  readonly endsLater: boolean;
}

/** As an earlier run committed it, else as the range says. @throws MillraceError BAD_REPLAY (no range to begin with, or not that of this name), TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function findStartPoints(admin: Admin, group: string, topic: string, options: ReplayOptions, nowMs: number): Promise<StartPoints> {
  const digest = digestOf(options);
  const given = options.all === true ? 'all' : options.range;
  const asked = given === undefined ? null : await resolveRange(admin, topic, given, nowMs);
  const committed = await admin.committed(group, topic);
  if (committed.some(({ position }) => position !== null)) return goOn(await admin.logBounds(topic), committed, options.name, digest, asked);
  if (asked === null) {
    throw new MillraceError('BAD_REPLAY', { at: options.name, expected: 'a range to begin with, or all', got: 'neither, and no replay of this name that could go on', fix: 'Say what is to run; Kafka forgets where a replay was a week after its last run' });
  }
  return {
    points: new Map(asked.map(({ partition, from, to }) => [partition, { offset: from, from, to, digest, settled: 'm1' }])),
    begun: false,
    deleted: new Map(asked.map((one) => [one.partition, one.deleted])),
    endsLater: asked.some((one) => one.endsLater),
  };
}

type Bounds = Awaited<ReturnType<Admin['logBounds']>>;
type Committed = Awaited<ReturnType<Admin['committed']>>;

function goOn(bounds: Bounds, committed: Committed, name: string, digest: string, asked: readonly PartitionRange[] | null): StartPoints {
  const points = new Map<number, ReplayPoint>();
  const deleted = new Map<number, number>();
  for (const { partition, position } of committed) {
    // A partition that was added since has nothing of its range.
    if (position === null) continue;
    const point = decodeReplayPoint(position.offset, position.metadata);
    const range = asked?.find((one) => one.partition === partition);
    if (point === null || point.digest !== digest || (range !== undefined && !isMeant(point, range))) throw otherReplay(name);
    const { startOffset, endOffset } = bounds.find((one) => one.partition === partition) ?? { startOffset: 0, endOffset: 0 };
    if (endOffset < point.to) throw madeAnew(name, `partition ${partition}`, endOffset);
    const left = passOverDeleted(point, startOffset);
    deleted.set(partition, left.offset - point.offset - [...settledAbove(point)].filter((offset) => offset < left.offset).length);
    points.set(partition, left);
  }
  return { points, begun: true, deleted, endsLater: false };
}

/** Whether a range that is given again is the one that the replay began with. What Kafka has deleted since, and what it got since at an open end, makes it no other. */
function isMeant({ from, to }: ReplayPoint, asked: PartitionRange): boolean {
  if (from === to && asked.from === asked.to) return true;
  const isCut = asked.deleted !== 0;
  const begins = asked.from === from || (isCut && asked.from > from);
  // What was empty may have been left out: it is not taken for a part whose end has moved.
  const isGrown = asked.isOpen && from < to;
  return begins && (asked.to === to || (asked.to > to && (isGrown || (isCut && asked.from === asked.to))));
}

export function otherReplay(name: string): MillraceError {
  return new MillraceError('BAD_REPLAY', {
    at: name, expected: 'a name of its own, or what a replay of this name began with', got: 'another range, other kinds or other keys',
    fix: 'Choose another name; or leave out the range, and give the same kinds and keys, to go on with that one',
  });
}

/** A log never gets shorter: what stands at its offsets now is not what was meant. */
export function madeAnew(name: string, place: string, endOffset: number): MillraceError {
  return new MillraceError('BAD_REPLAY', { at: name, expected: 'the topic that it began with', got: `one that was made anew: ${place} ends at ${endOffset}, before the range does`, fix: 'Choose another name, and a range' });
}

/** Writes down what the replay is about, before anything of it runs. Whether it stands is to be looked up: another process may have done the same. @throws MillraceError BROKER_UNAVAILABLE */
export async function writeStartPoints(admin: Admin, group: string, topic: string, points: ReadonlyMap<number, ReplayPoint>): Promise<void> {
  const commits: PartitionCommit[] = [...points].map(([partition, point]) => ({ partition, positions: [{ topic, offset: point.offset, metadata: encodeReplayPoint(point) }] }));
  try {
    const committed = await admin.committed(group, topic);
    if (committed.every(({ position }) => position === null)) await admin.setCommitted(group, commits);
  } catch (error) {
    // Another process has begun it just now.
    if (!isMillraceError(error, 'GROUP_IN_USE')) throw error;
  }
}

export function areEqual(a: ReadonlyMap<number, ReplayPoint>, b: ReadonlyMap<number, ReplayPoint>): boolean {
  return a.size === b.size && [...a].every(([partition, point]) => {
    const other = b.get(partition);
    return other !== undefined && other.offset === point.offset && areOfOneReplay(other, point);
  });
}
