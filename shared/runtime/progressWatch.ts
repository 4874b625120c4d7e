import type { CheckResult } from './health.ts';

/** What a process has to do at one moment, and how far it is with it. */
export interface ProgressSample {
  /** Monotonic ms. */
  readonly atMs: number;
  /** Each thing that could move on now, in words ("partition 3 is restoring"; the words may change as it does), by a name that stays. Empty: it idles. */
  readonly work: ReadonlyMap<string, Work>;
}

export interface Work {
  /** Differs as soon as something moved on. */
  readonly progress: string | number;
  readonly says: string;
}

/** What to remember from one sample to the next. */
export interface ProgressState {
  readonly atMs: number | null;
  /** For each work of the last sample: how far it was, and for how long nothing has moved. */
  readonly still: ReadonlyMap<string, { readonly progress: string | number; readonly stillMs: number }>;
}

export const initialProgress: ProgressState = { atMs: null, still: new Map() };

export interface ProgressLimits {
  readonly stallAfterMs: number;
  /** More than this between two samples does not count: the process was not running, so nothing of it could move. */
  readonly longestGapMs: number;
}

/**
 * Decides whether a process is alive by what it gets done, not by whether it answers: a consumer that reconnects for ever answers, too. It is
 * not live when one of its works has not moved for `stallAfterMs`, whatever the others do. Pure.
 */
export function judgeProgress(before: ProgressState, { atMs, work }: ProgressSample, { stallAfterMs, longestGapMs }: ProgressLimits): { readonly state: ProgressState; readonly result: CheckResult } {
  const passedMs = before.atMs === null ? 0 : Math.min(atMs - before.atMs, longestGapMs);
  const still = new Map<string, { progress: string | number; stillMs: number }>();
  let [longestMs, longest] = [0, ''];
  for (const [name, { progress, says }] of work) {
    const last = before.still.get(name);
    const stillMs = last === undefined || last.progress !== progress ? 0 : last.stillMs + passedMs;
    still.set(name, { progress, stillMs });
    if (stillMs > longestMs) [longestMs, longest] = [stillMs, says];
  }
  const state = { atMs, still };
  if (work.size === 0) return { state, result: { ok: true, reason: 'nothing to do' } };
  if (longestMs === 0) return { state, result: { ok: true, reason: 'moving on' } };
  return { state, result: { ok: longestMs < stallAfterMs, reason: `no progress for ${Math.round(longestMs / 1000)} s though there is work: ${longest}` } };
}
