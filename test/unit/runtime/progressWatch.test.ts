import { describe, expect, it } from 'vitest';
import { initialProgress, judgeProgress, type ProgressSample } from '../../../shared/runtime/progressWatch.ts';

/** Whether the process is live after each of the samples. */
function judgeAll(samples: readonly ProgressSample[]): boolean[] {
  let state = initialProgress;
  return samples.map((sample) => {
    const judged = judgeProgress(state, sample, 60_000);
    state = judged.state;
    return judged.result.ok;
  });
}

describe('a process', () => {
  it('is live while it idles, however long', () => {
    expect(judgeAll([0, 1e6, 1e9].map((atMs) => ({ atMs, progress: 5, work: null })))).toEqual([true, true, true]);
  });

  it('is live while it moves on, however slowly it is asked', () => {
    expect(judgeAll([{ atMs: 0, progress: 1, work: 'x' }, { atMs: 1e6, progress: 2, work: 'x' }, { atMs: 2e6, progress: 3, work: 'x' }])).toEqual([true, true, true]);
  });

  it('is not live when it had work and nothing moved for so long', () => {
    expect(judgeAll([0, 30_000, 59_999, 60_000].map((atMs) => ({ atMs, progress: 1, work: 'x' })))).toEqual([true, true, true, false]);
  });

  it('is live again when it moves on', () => {
    expect(judgeAll([{ atMs: 0, progress: 1, work: 'x' }, { atMs: 70_000, progress: 1, work: 'x' }, { atMs: 71_000, progress: 2, work: 'x' }])).toEqual([true, false, true]);
  });

  it('is not blamed for the time in which it had nothing to do', () => {
    expect(judgeAll([{ atMs: 0, progress: 1, work: null }, { atMs: 1e6, progress: 1, work: 'x' }, { atMs: 1e6 + 59_999, progress: 1, work: 'x' }])).toEqual([true, true, true]);
  });

  it('says what it should have done', () => {
    const { state } = judgeProgress(initialProgress, { atMs: 0, progress: 1, work: '12 jobs ready' }, 1000);
    expect(judgeProgress(state, { atMs: 5000, progress: 1, work: '12 jobs ready' }, 1000).result).toEqual({ ok: false, reason: 'no progress for 5 s though there is work: 12 jobs ready' });
  });
});
