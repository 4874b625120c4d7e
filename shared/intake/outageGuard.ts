import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { createPatience } from '../runtime/patience.ts';

export interface OutageGuardOptions {
  readonly clock: Clock;
  /** Work that takes longer counts as failed; what becomes of it is not known then. */
  readonly patienceMs: number;
  /** During an outage one call in this time is let through, to see whether it is over. */
  readonly probeEveryMs: number;
}

/** Lets calls through while they succeed. Once one fails for want of its other side, the others are refused at once, but for a probe now and then. */
export interface OutageGuard {
  /** @throws MillraceError what `work` threw; BROKER_UNAVAILABLE: it took too long, or there is an outage and it was not called */
  run<T>(at: string, work: () => Promise<T>): Promise<T>;
  /** Since when there is an outage, monotonic ms; null: there is none. */
  readonly failingSinceMs: number | null;
}

interface Wait {
  readonly at: string;
  readonly fail: (error: MillraceError) => void;
}

export function createOutageGuard({ clock, patienceMs, probeEveryMs }: OutageGuardOptions): OutageGuard {
  let failingSinceMs: number | null = null;
  let nextProbeMs = 0;
  const patience = createPatience<Wait>({
    clock, patienceMs,
    lost: ({ at, fail }) => {
      fail(new MillraceError('BROKER_UNAVAILABLE', {
        at, expected: `an ack within ${patienceMs} ms`, got: 'none yet', fix: 'The job may be enqueued all the same: send it again with the same Idempotency-Key', retryAfterMs: 2000,
      }));
    },
  });

  return {
    get failingSinceMs() { return failingSinceMs; },
    run: (at, work) => new Promise((resolve, reject) => {
      if (failingSinceMs !== null) {
        const nowMs = clock.monotonic();
        if (nowMs < nextProbeMs) throw new MillraceError('BROKER_UNAVAILABLE', { at, fix: 'Nothing was enqueued; try again later', retryAfterMs: 2000 });
        nextProbeMs = nowMs + probeEveryMs;
      }
      const fail = (error: Error): void => {
        if (isOutage(error)) {
          failingSinceMs ??= clock.monotonic();
          nextProbeMs = Math.max(nextProbeMs, clock.monotonic() + probeEveryMs);
        }
        reject(error);
      };
      const wait: Wait = { at, fail };
      const working = work();
      patience.begin(wait);
      working.then((result) => {
        if (!patience.end(wait)) return;
        failingSinceMs = null;
        resolve(result);
      }, (error: Error) => { if (patience.end(wait)) fail(error); });
    }),
  };
}

function isOutage(error: unknown): boolean {
  return isMillraceError(error, 'BROKER_UNAVAILABLE') || isMillraceError(error, 'REGISTRY_UNAVAILABLE');
}
