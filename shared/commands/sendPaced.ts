import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';

/** How commands at many jobs are sent. */
export interface PaceOptions<One> {
  /** At most so many a second, evenly. Left out: as fast as Kafka takes them. */
  readonly perSecond?: number;
  /** Called with each that Kafka has. */
  readonly sent?: (one: One) => void;
  /** Ends it: what was sent stays sent. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** So many wait for Kafka's acks at once. */
const MAX_UNDER_WAY = 500;

/**
 * Sends one after the other, no faster than asked. After a failure no more are sent; it rejects with the first one, once all that were under way
 * have ended. @returns how many Kafka has
 */
export async function sendPaced<One>(all: readonly One[], send: (one: One) => Promise<unknown>, { perSecond, sent, signal, clock = systemClock }: PaceOptions<One>): Promise<number> {
  if (perSecond !== undefined && !(perSecond > 0)) throw new MillraceError('BAD_COMMAND', { at: 'perSecond', expected: 'a positive number', got: perSecond });
  const startMs = clock.monotonic();
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let count = 0;
  for (const [index, one] of all.entries()) {
    const waitMs = perSecond === undefined ? 0 : startMs + (index * 1000) / perSecond - clock.monotonic();
    if (waitMs > 0) await sleep(waitMs, clock, signal);
    if (signal?.aborted === true || failures.length > 0) break;
    const sending = send(one).then(
      () => {
        count++;
        sent?.(one);
      },
      (error: unknown) => { failures.push(error); },
    ).finally(() => { underWay.delete(sending); });
    underWay.add(sending);
    if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
  return count;
}

function sleep(ms: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      cancel();
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const cancel = clock.after(ms, over);
    if (signal?.aborted === true) over();
    else signal?.addEventListener('abort', over);
  });
}
