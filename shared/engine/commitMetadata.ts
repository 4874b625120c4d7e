import { MAX_EPOCH } from '../jobs/maxEpoch.ts';

/**
 * What travels in the metadata of a commit (at most 4,096 bytes, Kafka's default `offset.metadata.max.bytes`).
 *
 * Main topic: the settled offsets above the committed one, as a bitmap relative to it, in base64. {@link MAX_SPAN} bounds the
 * span that the engine lets grow, so that the bitmap always fits; a map that is cut off would break rule 9.
 * Retry topic: the lease epoch in force at the committed offset, and the last sequence of that epoch before it (rule 3).
 */
export const MAX_SPAN = 24_000;

export function encodeSettled(base: number, offsets: Iterable<number>): string {
  let highest = -1;
  const bits = new Uint8Array(MAX_SPAN / 8);
  for (const offset of offsets) {
    const at = offset - base;
    if (at < 0 || at >= MAX_SPAN) continue;
    bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
    if (at > highest) highest = at;
  }
  return highest < 0 ? 'm1' : `m1${Buffer.from(bits.buffer, 0, (highest >> 3) + 1).toString('base64')}`;
}

/** Settled offsets of a commit. What is not ours (an operator's commit, an older version) says nothing: an empty set. */
export function decodeSettled(base: number, metadata: string): Set<number> {
  const settled = new Set<number>();
  if (!metadata.startsWith('m1')) return settled;
  // A broker may be set to take more than we write; what lies beyond our span is not ours.
  const bits = Buffer.from(metadata.slice(2, 2 + Math.ceil(MAX_SPAN / 24) * 4), 'base64');
  for (let at = 0; at < bits.length * 8; at++) {
    if (((bits[at >> 3] as number) >> (at & 7)) & 1) settled.add(base + at);
  }
  return settled;
}

export interface LogPoint {
  readonly epoch: number;
  readonly seq: number;
}

export function encodeLogPoint(point: LogPoint): string {
  return `r1${point.epoch}.${point.seq}`;
}

/** The log point of a commit; null for what is not ours, as is an epoch that no record may have: above it no owner's word would count. */
export function decodeLogPoint(metadata: string): LogPoint | null {
  const match = /^r1(\d{1,15})\.(\d{1,15})$/.exec(metadata);
  if (match === null) return null;
  const [epoch, seq] = [Number(match[1]), Number(match[2])];
  return epoch > MAX_EPOCH ? null : { epoch, seq };
}
