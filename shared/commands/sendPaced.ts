import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { createPacer, isRate } from '../runtime/pacer.ts';
import { createSleeps } from '../runtime/sleeps.ts';

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
 * have ended. @returns how many Kafka has @throws MillraceError BAD_COMMAND (no such rate), and what `send` throws
 */
export async function sendPaced<One>(all: readonly One[], send: (one: One) => Promise<unknown>, { perSecond, sent, signal, clock = systemClock }: PaceOptions<One>): Promise<number> {
  if (perSecond !== undefined && !isRate(perSecond)) throw new MillraceError('BAD_COMMAND', { at: 'perSecond', expected: 'a positive number', got: perSecond });
  const pacer = createPacer(perSecond ?? null, clock);
  const sleeps = createSleeps(clock, signal);
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let count = 0;
  const isOver = (): boolean => signal?.aborted === true || failures.length > 0;
  for (const one of all) {
    while (!isOver() && pacer.take(1) === 0) await sleeps.sleep(pacer.waitMs());
    if (isOver()) break;
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
  sleeps.end();
  if (failures.length > 0) throw failures[0];
  return count;
}
