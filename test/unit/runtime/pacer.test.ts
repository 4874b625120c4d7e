import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPacer, isRate } from '../../../shared/runtime/pacer.ts';

describe('a pace', () => {
  it('is kept to over any time, whoever is held up in between: no more than its rate and a tenth of a second of it', () => {
    fc.assert(fc.property(fc.double({ min: 0.01, max: 1e5, noNaN: true }), fc.array(fc.tuple(fc.double({ min: 0, max: 5000, noNaN: true }), fc.integer({ min: 1, max: 1000 })), { minLength: 1, maxLength: 30 }), (perSecond, turns) => {
      let nowMs = 0;
      const pacer = createPacer(perSecond, { monotonic: () => nowMs });
      const granted: { readonly atMs: number; readonly count: number }[] = [];
      for (const [waitMs, wanted] of turns) {
        nowMs += waitMs;
        granted.push({ atMs: nowMs, count: pacer.take(wanted) });
      }
      for (const [first, { atMs: fromMs }] of granted.entries()) {
        let sum = 0;
        for (const { atMs, count } of granted.slice(first)) {
          sum += count;
          expect(sum).toBeLessThanOrEqual(((atMs - fromMs + 100) / 1000) * perSecond + 1.001);
        }
      }
    }));
  });

  it('is reached by whoever waits as told', () => {
    for (const perSecond of [0.5, 3, 7, 999, 1e6]) {
      let nowMs = 0;
      const pacer = createPacer(perSecond, { monotonic: () => nowMs });
      let count = 0;
      while (nowMs < 20_000) {
        count += pacer.take(100_000);
        nowMs += pacer.waitMs();
      }
      expect(count / 20 / perSecond).toBeGreaterThan(0.95);
      expect(count).toBeLessThanOrEqual(20 * perSecond + perSecond / 10 + 1);
    }
  });

  it('is no other thing than a number above zero that leaves a pause to wait', () => {
    expect([0.001, 1, 1e9].every(isRate)).toBe(true);
    expect([0, -1, NaN, Infinity, -Infinity, 5e-324, '5', null, undefined].some(isRate)).toBe(false);
  });
});
