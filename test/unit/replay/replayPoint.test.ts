import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSettled, encodeSettled, MAX_SPAN } from '../../../shared/engine/commitMetadata.ts';
import { decodeReplayPoint, encodeReplayPoint, holdBack } from '../../../shared/replay/replayPoint.ts';

describe('what a replay commits', () => {
  test('never passes a job that waits, and forgets nothing that is settled within its reach', () => {
    const offsets = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 40 });
    fc.assert(fc.property(fc.integer({ min: 0, max: 300 }), offsets, offsets, (offset, above, waiting) => {
      const settled = new Set(above.filter((one) => one > offset));
      const held = holdBack(offset, encodeSettled(offset, settled), waiting);
      const known = decodeSettled(held.offset, held.settled);
      expect(held.offset).toBe(Math.min(offset, ...waiting));
      for (const one of waiting) expect(known.has(one)).toBe(false);
      for (let one = held.offset; one < offset; one += 1) expect(known.has(one)).toBe(!waiting.includes(one));
      for (const one of settled) expect(known.has(one)).toBe(!waiting.includes(one));
    }));
  });

  test('counts what lies beyond its reach as not settled: of each entity the end, never the middle', () => {
    const far = MAX_SPAN + 500;
    const held = holdBack(far, 'm1', [10]);
    const known = decodeSettled(held.offset, held.settled);
    expect(held.offset).toBe(10);
    expect([11, 5000, 10 + MAX_SPAN - 1].every((one) => known.has(one))).toBe(true);
    expect([10 + MAX_SPAN, far - 1].some((one) => known.has(one))).toBe(false);
  });

  test('is held back behind any number of jobs that wait', () => {
    const waiting = Array.from({ length: 300_000 }, (_, at) => at + 5);
    expect(holdBack(400_000, 'm1', waiting).offset).toBe(5);
  });

  test('comes back as it was, fits the metadata that Kafka takes, and is nothing that the queue\'s own group would write', () => {
    const all = Array.from({ length: MAX_SPAN }, (_, at) => at + 1);
    const point = { offset: 1, from: Number.MAX_SAFE_INTEGER - 1, to: Number.MAX_SAFE_INTEGER, digest: '0a1b2c3d', settled: encodeSettled(1, all) };
    const text = encodeReplayPoint(point);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(decodeReplayPoint(1, text)).toEqual(point);
    expect(['', 'm1', 'm1AAAA', 'r11.2', 'p2.x', 'p2.10.xyz.m1', 'p1.10.0a1b2c3d.m1'].map((other) => decodeReplayPoint(0, other))).toEqual([null, null, null, null, null, null, null]);
  });
});
