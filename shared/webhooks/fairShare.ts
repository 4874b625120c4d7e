import type { Clock } from '../runtime/clock.ts';

export interface FairShareOptions {
  readonly clock: Clock;
  /** Works under way at once for one name. */
  readonly atOnce: number;
}

/** Whether a work may begin; if not, when to ask again. */
export type Entry = { readonly leave: () => void } | { readonly afterMs: number };

/** Lets so many works of one name run at once, and spreads those that come too early over the time that those before them will take. */
export interface FairShare {
  enter(name: string): Entry;
  /** Names that are remembered. */
  readonly size: number;
}

interface Share {
  running: number;
  /** How long works take: each counts a fifth. */
  tookMs: number;
  /** Monotonic ms; the next that comes too early is told to come after it. */
  nextMs: number;
}

const FIRST_GUESS_MS = 500;
const LEAST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 600_000;

export function createFairShare({ clock, atOnce }: FairShareOptions): FairShare {
  const shares = new Map<string, Share>();

  return {
    get size() { return shares.size; },
    enter(name) {
      const now = clock.monotonic();
      const share = shares.get(name) ?? { running: 0, tookMs: FIRST_GUESS_MS, nextMs: 0 };
      shares.set(name, share);
      if (share.running >= atOnce) {
        share.nextMs = Math.max(share.nextMs, now + LEAST_WAIT_MS) + share.tookMs / atOnce;
        return { afterMs: Math.ceil(Math.min(LONGEST_WAIT_MS, share.nextMs - now)) };
      }
      share.running += 1;
      return {
        leave() {
          share.running -= 1;
          share.tookMs += (clock.monotonic() - now - share.tookMs) / 5;
          if (share.running === 0) shares.delete(name);
        },
      };
    },
  };
}
