import { describe, expect, it } from 'vitest';
import { initialProgress, judgeProgress, type ProgressSample } from '../../../shared/runtime/progressWatch.ts';

const LIMITS = { stallAfterMs: 20_000, longestGapMs: 3000 };
const workOf = (work: object): ProgressSample['work'] => new Map(Object.entries(work as Record<string, number>).map(([name, progress]) => [name, { progress, says: `${name} has work` }]));

/** Whether the process is live after each second, in which this is what it has to do and how far it is. */
function judgeSeconds(seconds: number, at: (second: number) => { readonly a?: number; readonly b?: number; readonly c?: number }): boolean[] {
  let state = initialProgress;
  return Array.from({ length: seconds }, (_, second) => {
    const judged = judgeProgress(state, { atMs: second * 1000, work: workOf(at(second)) }, LIMITS);
    state = judged.state;
    return judged.result.ok;
  });
}

describe('a process', () => {
  it('is live while it idles, however long', () => {
    expect(judgeSeconds(1000, () => ({}))).not.toContain(false);
  });

  it('is live while it moves on, however slowly', () => {
    expect(judgeSeconds(1000, (second) => ({ a: Math.floor(second / 19) }))).not.toContain(false);
  });

  it('is not live when it had work and nothing moved for so long', () => {
    expect(judgeSeconds(25, () => ({ a: 1 })).indexOf(false)).toBe(20);
  });

  it('is not live when one of its works does not move, whatever the others do', () => {
    expect(judgeSeconds(30, (second) => ({ a: second, b: 1, c: second })).indexOf(false)).toBe(20);
  });

  it('is live again when it moves on', () => {
    const live = judgeSeconds(30, (second) => ({ a: second < 25 ? 1 : second }));
    expect([live[24], live[25]]).toEqual([false, true]);
  });

  it('is not blamed for the time in which it had nothing to do', () => {
    expect(judgeSeconds(45, (second) => (second < 15 || second > 30 ? { a: 1 } : {}))).not.toContain(false);
  });

  it('is not blamed for the time in which it did not run at all', () => {
    let state = initialProgress;
    const live = [0, 1000, 2000, 62_000, 63_000, 64_000].map((atMs) => {
      const judged = judgeProgress(state, { atMs, work: workOf({ a: 1 }) }, LIMITS);
      state = judged.state;
      return judged.result.ok;
    });
    expect(live).not.toContain(false);
  });

  it('says what it should have done', () => {
    const { state } = judgeProgress(initialProgress, { atMs: 0, work: workOf({ a: 1, b: 2 }) }, LIMITS);
    expect(judgeProgress(state, { atMs: 3000, work: workOf({ a: 2, b: 2 }) }, { ...LIMITS, stallAfterMs: 1000 }).result).toEqual({ ok: false, reason: 'no progress for 3 s though there is work: b has work' });
  });
});
