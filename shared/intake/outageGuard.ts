import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';

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

/** Patience is counted in so many ticks: while this process itself stands still, only one passes, and acks that wait to be read are none that are late. */
const TICKS = 10;

export function createOutageGuard({ clock, patienceMs, probeEveryMs }: OutageGuardOptions): OutageGuard {
  /** Who waits, in the order of their coming, with the tick after which each has waited too long. */
  const waiting = new Map<() => void, number>();
  let tick = 0;
  let ticking = false;
  let failingSinceMs: number | null = null;
  let nextProbeMs = 0;

  const beat = (): void => {
    tick += 1;
    for (const [giveUp, lastTick] of waiting) {
      if (lastTick > tick) break;
      waiting.delete(giveUp);
      giveUp();
    }
    ticking = waiting.size > 0;
    if (ticking) clock.after(patienceMs / TICKS, beat);
  };
  const inTime = <T>(at: string, work: Promise<T>): Promise<T> => new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reject(new MillraceError('BROKER_UNAVAILABLE', {
        at, expected: `an ack within ${patienceMs} ms`, got: 'none yet', fix: 'The job may be enqueued all the same: send it again with the same Idempotency-Key', retryAfterMs: 2000,
      }));
    };
    waiting.set(giveUp, tick + TICKS);
    if (!ticking) {
      ticking = true;
      clock.after(patienceMs / TICKS, beat);
    }
    work.then(resolve, reject).finally(() => { waiting.delete(giveUp); });
  });

  return {
    get failingSinceMs() { return failingSinceMs; },
    async run(at, work) {
      if (failingSinceMs !== null) {
        const nowMs = clock.monotonic();
        if (nowMs < nextProbeMs) throw new MillraceError('BROKER_UNAVAILABLE', { at, fix: 'Nothing was enqueued; try again later', retryAfterMs: 2000 });
        nextProbeMs = nowMs + probeEveryMs;
      }
      try {
        const result = await inTime(at, work());
        failingSinceMs = null;
        return result;
      } catch (error) {
        if (isOutage(error)) {
          failingSinceMs ??= clock.monotonic();
          nextProbeMs = Math.max(nextProbeMs, clock.monotonic() + probeEveryMs);
        }
        throw error;
      }
    },
  };
}

function isOutage(error: unknown): boolean {
  return isMillraceError(error, 'BROKER_UNAVAILABLE') || isMillraceError(error, 'REGISTRY_UNAVAILABLE');
}
