import { Cron } from 'croner';
import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration } from '../jobs/duration.ts';
import type { ScheduleTiming } from './schedule.ts';

/** {@link ScheduleTiming}, checked; as it is written down. */
export interface Timing {
  readonly cron: string | null;
  readonly timezone: string;
  readonly everyMs: number | null;
  readonly offsetMs: number;
  /** Epoch ms. */
  readonly startMs: number | null;
  /** Epoch ms. */
  readonly endMs: number | null;
}

/** The ticks of a timing; all times epoch ms. */
export interface Ticker {
  /** The first tick after a time; null: there is none. */
  next(afterMs: number): number | null;
  /** The last `max` of the ticks that come after one time and not after another, oldest first. */
  last(afterMs: number, untilMs: number, max: number): number[];
  /** How many come after one time and not after another, counted up to `max`. */
  count(afterMs: number, untilMs: number, max: number): number;
}

/** Of a finer rhythm, jobs would queue up faster than most queues start them. */
const LEAST_EVERY_MS = 1000;
/** What is longer is a mistake of units. */
export const MOST_EVERY_MS = 3660 * 86_400_000;
const MAX_CRON_LENGTH = 256;
/** What is later is a mistake, and would soon be no Date any more. */
export const LATEST_TICK_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** @throws MillraceError BAD_SCHEDULE, BAD_DURATION */
export function readTiming(given: ScheduleTiming): Timing {
  const { cron, timezone = 'UTC', every, offset } = given;
  if ((cron === undefined) === (every === undefined)) refuse('cron', 'either cron or every', cron === undefined ? 'neither' : 'both');
  if (every === undefined && offset !== undefined) refuse('offset', 'it beside every only', offset);
  if (cron !== undefined && (typeof cron !== 'string' || cron.length > MAX_CRON_LENGTH)) refuse('cron', 'a cron expression', cron);
  const everyMs = every === undefined ? null : Math.floor(parseDuration(every, 'every'));
  if (everyMs !== null && everyMs < LEAST_EVERY_MS) refuse('every', 'at least "1s"', every);
  if (everyMs !== null && everyMs > MOST_EVERY_MS) refuse('every', 'at most "3660d"', every);
  const offsetMs = offset === undefined ? 0 : Math.floor(parseDuration(offset, 'offset'));
  if (everyMs !== null && offsetMs >= everyMs) refuse('offset', 'less than every', offset);
  const startMs = given.startAt === undefined ? null : readDate(given.startAt, 'startAt');
  const endMs = given.endAt === undefined ? null : readDate(given.endAt, 'endAt');
  if (startMs !== null && endMs !== null && endMs < startMs) refuse('endAt', 'a time after startAt', given.endAt?.toISOString());
  return { cron: cron ?? null, timezone: readZone(timezone), everyMs, offsetMs, startMs, endMs };
}

/** @throws MillraceError BAD_SCHEDULE */
export function createTicker(timing: Timing): Ticker {
  const { startMs, endMs } = timing;
  const inner = timing.everyMs === null ? cronTicker(timing) : intervalTicker(timing.everyMs, timing.offsetMs);
  const from = (afterMs: number): number => (startMs === null ? afterMs : Math.max(afterMs, startMs - 1));
  const to = (untilMs: number): number => (endMs === null ? untilMs : Math.min(untilMs, endMs));
  return {
    next(afterMs) {
      const tick = inner.next(from(afterMs));
      return tick === null || (endMs !== null && tick > endMs) ? null : tick;
    },
    last: (afterMs, untilMs, max) => (to(untilMs) <= from(afterMs) ? [] : inner.last(from(afterMs), to(untilMs), max)),
    count: (afterMs, untilMs, max) => (to(untilMs) <= from(afterMs) ? 0 : inner.count(from(afterMs), to(untilMs), max)),
  };
}

/** What a change of makes the ticks other ones. */
export function timingPrint({ cron, timezone, everyMs, offsetMs }: Timing): string {
  return cron === null ? `every ${everyMs ?? 0} ${offsetMs}` : `cron ${timezone} ${cron}`;
}

/** The next ticks, `n` at most 1,000. @throws MillraceError BAD_SCHEDULE, BAD_DURATION */
export function nextTicks(timing: Timing, afterMs: number, n: number): number[] {
  if (!Number.isInteger(n) || n < 0 || n > 1000) refuse('n', 'a whole number from 0 to 1,000', n);
  const ticker = createTicker(timing);
  const ticks: number[] = [];
  for (let tick = ticker.next(afterMs); tick !== null && ticks.length < n; tick = ticker.next(tick)) ticks.push(tick);
  return ticks;
}

function intervalTicker(everyMs: number, offsetMs: number): Ticker {
  const index = (ms: number): number => Math.floor((ms - offsetMs) / everyMs);
  return {
    next: (afterMs) => (index(afterMs) + 1) * everyMs + offsetMs,
    last(afterMs, untilMs, max) {
      const first = Math.max(index(afterMs) + 1, index(untilMs) - max + 1);
      return Array.from({ length: index(untilMs) - first + 1 }, (_, i) => (first + i) * everyMs + offsetMs);
    },
    count: (afterMs, untilMs, max) => Math.min(max, index(untilMs) - index(afterMs)),
  };
}

/** So few are looked for one by one from the older end, which is where the next one mostly is. */
const FEW = 3;

function cronTicker({ cron, timezone }: Timing): Ticker {
  const runs = compileCron(cron ?? '', timezone);
  const next = (afterMs: number): number | null => runs.nextRun(new Date(afterMs))?.getTime() ?? null;
  const last = (afterMs: number, untilMs: number, max: number): number[] => {
    const ticks: number[] = [];
    for (let tick = next(afterMs); ticks.length < Math.min(FEW, max); tick = next(tick)) {
      if (tick === null || tick > untilMs) return ticks;
      ticks.push(tick);
    }
    // croner counts down from before its reference, in whole seconds.
    return runs.previousRuns(max, new Date(Math.floor(untilMs / 1000) * 1000 + 1000)).map((run) => run.getTime()).filter((tick) => tick > afterMs && tick <= untilMs).reverse();
  };
  return { next, last, count: (afterMs, untilMs, max) => last(afterMs, untilMs, max).length };
}

function compileCron(cron: string, timezone: string): Cron {
  try {
    const runs = new Cron(cron, { timezone, paused: true });
    runs.nextRun(new Date(0));
    return runs;
  } catch (cause) {
    throw new MillraceError('BAD_SCHEDULE', { at: 'cron', expected: 'an expression such as "30 2 * * mon-fri"', got: cron, fix: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

function readZone(timezone: unknown): string {
  try {
    if (typeof timezone === 'string') return new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    // Told below.
  }
  return refuse('timezone', 'an IANA time zone such as "Europe/Lisbon"', timezone);
}

/** Epoch ms of a point in time that can be told and ticked from. @throws MillraceError BAD_SCHEDULE */
export function readDate(date: unknown, at: string): number {
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) return refuse(at, 'a valid Date', date);
  return date.getTime() >= 0 && date.getTime() <= LATEST_TICK_MS ? date.getTime() : refuse(at, 'a time from 1970 to 9999', date.toISOString());
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_SCHEDULE', { at, expected, got });
}
