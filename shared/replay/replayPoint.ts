import { decodeSettled, encodeSettled, MAX_SPAN } from '../engine/commitMetadata.ts';

/**
 * What a replay's group commits of a partition. The offset is the first that is not settled; the metadata says where the range begins and ends, which
 * selection it is, and what is settled above the offset, in the engine's own form.
 */
export interface ReplayPoint {
  readonly offset: number;
  readonly from: number;
  readonly to: number;
  /** See `digestOf`. */
  readonly digest: string;
  /** As `encodeSettled` writes it. */
  readonly settled: string;
}

export function encodeReplayPoint({ from, to, digest, settled }: ReplayPoint): string {
  return `p2.${from.toString(36)}.${to.toString(36)}.${digest}.${settled}`;
}

/** Null for what no replay committed. */
export function decodeReplayPoint(offset: number, metadata: string): ReplayPoint | null {
  const match = /^p2\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-f]{8})\.(m1.*)?$/.exec(metadata);
  if (match === null) return null;
  return { offset, from: Number.parseInt(match[1] ?? '', 36), to: Number.parseInt(match[2] ?? '', 36), digest: match[3] ?? '', settled: match[4] ?? 'm1' };
}

/** Whether both are of one replay, however far each is. */
export function areOfOneReplay(a: ReplayPoint, b: ReplayPoint): boolean {
  return a.from === b.from && a.to === b.to && a.digest === b.digest;
}

/** A point in a log that begins at `startOffset`: what was before is gone, and needs no running. */
export function passOverDeleted(point: ReplayPoint, startOffset: number): ReplayPoint {
  const offset = Math.min(startOffset, point.to);
  if (offset <= point.offset) return point;
  return { ...point, offset, settled: encodeSettled(offset, settledAbove(point)) };
}

/**
 * What may be committed while jobs wait in memory: nothing above the first of them, and beside it what is settled above. What lies farther above than the
 * metadata reaches counts as not settled: after a crash it is run again, of each entity the end of what it had.
 */
export function holdBack(offset: number, settled: string, waiting: Iterable<number>): { readonly offset: number; readonly settled: string } {
  const held = new Set(waiting);
  if (held.size === 0) return { offset, settled };
  // A loop: so many may wait that no call takes them as its arguments.
  let lowest = offset;
  for (const one of held) lowest = Math.min(lowest, one);
  const above = decodeSettled(offset, settled);
  for (let below = lowest; below < Math.min(offset, lowest + MAX_SPAN); below++) above.add(below);
  for (const one of held) above.delete(one);
  return { offset: lowest, settled: encodeSettled(lowest, above) };
}

/** The offsets of a point that are settled above it. */
export function settledAbove({ offset, settled }: ReplayPoint): Set<number> {
  return decodeSettled(offset, settled);
}
