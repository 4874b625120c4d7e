import type { CheckResult } from './health.ts';

/** What a process has done and could do, at one moment. */
export interface ProgressSample {
  /** Monotonic ms. */
  readonly atMs: number;
  /** Rises whenever something moves on: attempts ended, records taken in, offsets committed. Its size means nothing. */
  readonly progress: number;
  /** There is something that could move on now; null: nothing, it idles. In words: "12 jobs ready". */
  readonly work: string | null;
}

/** What to remember from one sample to the next. */
export interface ProgressState {
  readonly progress: number;
  /** Since when there is work and nothing moved; null: all is well. */
  readonly stuckSinceMs: number | null;
}

export const initialProgress: ProgressState = { progress: -1, stuckSinceMs: null };

/**
 * Decides whether a process is alive by what it gets done, not by whether it answers: a consumer that reconnects for ever answers, too. It is
 * not live when it had work and made no progress for `stallAfterMs`. Pure.
 */
export function judgeProgress(before: ProgressState, sample: ProgressSample, stallAfterMs: number): { readonly state: ProgressState; readonly result: CheckResult } {
  const { progress, work, atMs } = sample;
  if (work === null || progress !== before.progress) {
    return { state: { progress, stuckSinceMs: work === null ? null : atMs }, result: { ok: true, reason: work === null ? 'nothing to do' : 'moving on' } };
  }
  const stuckSinceMs = before.stuckSinceMs ?? atMs;
  const stuckMs = atMs - stuckSinceMs;
  const ok = stuckMs < stallAfterMs;
  return { state: { progress, stuckSinceMs }, result: { ok, reason: `no progress for ${Math.round(stuckMs / 1000)} s though there is work: ${work}` } };
}
