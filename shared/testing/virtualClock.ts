import { setImmediate as nextTurn } from 'node:timers';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * A clock that stands still until a test moves it. Timers run in the order of their due times (equal times: in the order
 * they were set), and after each one every promise that can settle does, before the next one runs. So a run is
 * the same every time, however fast the machine. Work that needs the real world (files, sockets) is not waited for.
 */
export interface VirtualClock extends Clock {
  /** Lets `ms` of virtual time pass. Rejects with what a timer throws. Several calls at once (of the other methods, too) share the time that passes. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until the wall clock shows `epochMs`; does nothing when it is later already. */
  advanceTo(epochMs: number): Promise<void>;
  /**
   * Runs timers until none is left. @throws MillraceError TIMEOUT when some are left after `maxMs` of virtual time
   * (default one hour): something re-arms itself, so use {@link runUntil}.
   */
  runUntilIdle(limit?: { readonly maxMs: number }): Promise<void>;
  /**
   * Runs timers until `condition` holds (it is asked after each of them).
   * @throws MillraceError TIMEOUT when it does not within `maxMs` of virtual time (default one minute), or no timer is left.
   */
  runUntil(condition: () => boolean, limit?: { readonly maxMs: number }): Promise<void>;
  /** Moves the wall clock only, as an operator or NTP would; durations and timers do not notice. */
  jumpWall(ms: number): void;
  /** Timers that are set and not yet run. */
  pendingTimers(): number;
}

/** What somebody waits for while time passes. */
interface Goal {
  readonly limitMs: number;
  readonly isMet: () => boolean;
  /** Time reaches `limitMs`, or no timer is left before it. */
  readonly atLimit: () => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  run: (() => void) | null;
}

const isBefore = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/** A {@link VirtualClock} whose wall clock shows `startMs`. */
export function createVirtualClock(startMs: number): VirtualClock {
  const heap: Timer[] = [];
  let monotonicMs = 0;
  let wallAheadMs = startMs;
  let order = 0;
  let cancelled = 0;
  const goals = new Set<Goal>();
  let running = false;

  const nextTimer = (): Timer | undefined => {
    while (heap[0]?.run === null) {
      popTop(heap);
      cancelled -= 1;
    }
    return heap[0];
  };

  const runTimer = async (timer: Timer): Promise<void> => {
    popTop(heap);
    monotonicMs = Math.max(monotonicMs, timer.dueMs);
    const { run } = timer;
    timer.run = null;
    run?.();
    await settle();
  };

  const end = (goal: Goal, how: () => void): void => {
    goals.delete(goal);
    try { how(); } catch (error) { goal.reject(error as Error); }
  };

  /** Ends what is met or, where nothing is, the goal whose limit comes before the next timer. True when there was any. */
  const reachGoals = (): boolean => {
    const before = goals.size;
    let nearest: Goal | null = null;
    for (const goal of goals) {
      let met = false;
      try { met = goal.isMet(); } catch (error) { end(goal, () => { throw error; }); }
      if (met) end(goal, goal.resolve);
      else if (nearest === null || goal.limitMs < nearest.limitMs) nearest = goal;
    }
    const next = nextTimer();
    if (goals.size === before && nearest !== null && (next === undefined || nearest.limitMs < next.dueMs)) end(nearest, nearest.atLimit);
    return goals.size < before;
  };

  const runToGoals = async (): Promise<void> => {
    running = true;
    await settle();
    while (goals.size > 0) {
      try {
        if (reachGoals()) await settle();
        else await runTimer(nextTimer() as Timer);
      } catch (error) {
        for (const goal of goals) goal.reject(error as Error);
        goals.clear();
      }
    }
    running = false;
  };

  const reach = (limitMs: number, isMet: () => boolean, atLimit: () => void): Promise<void> => new Promise((resolve, reject) => {
    goals.add({ limitMs, isMet, atLimit: () => { atLimit(); resolve(); }, resolve, reject });
    if (!running) void runToGoals();
  });

  const advance = (ms: number): Promise<void> => {
    const targetMs = monotonicMs + Math.max(0, ms);
    return reach(targetMs, () => false, () => { monotonicMs = Math.max(monotonicMs, targetMs); });
  };

  return {
    now: () => wallAheadMs + monotonicMs,
    monotonic: () => monotonicMs,
    after(delayMs, run) {
      const timer: Timer = { dueMs: monotonicMs + Math.max(0, delayMs), order: order++, run };
      push(heap, timer);
      return () => {
        if (timer.run === null) return;
        timer.run = null;
        cancelled += 1;
      };
    },
    advance,
    advanceTo: (epochMs) => advance(epochMs - wallAheadMs - monotonicMs),
    runUntilIdle: ({ maxMs } = { maxMs: 3_600_000 }) => reach(monotonicMs + maxMs, () => nextTimer() === undefined, () => {
      throw new MillraceError('TIMEOUT', { expected: `no timer left after ${maxMs} ms of virtual time`, fix: 'Something re-arms itself: use runUntil(condition)' });
    }),
    runUntil: (condition, { maxMs } = { maxMs: 60_000 }) => reach(monotonicMs + maxMs, condition, () => {
      throw new MillraceError('TIMEOUT', { expected: `the condition to hold within ${maxMs} ms of virtual time`, ...(nextTimer() === undefined ? { fix: 'No timer is left: nothing would ever change it' } : {}) });
    }),
    jumpWall: (ms) => { wallAheadMs += ms; },
    pendingTimers: () => heap.length - cancelled,
  };
}

/** Resolves when every promise reaction that is due has run: immediates come after the microtask queue is empty. */
function settle(): Promise<void> {
  return new Promise((resolve) => { nextTurn(resolve); });
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(timer, heap[parent] as Timer)) break;
    heap[at] = heap[parent] as Timer;
    at = parent;
  }
  heap[at] = timer;
}

function popTop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
    if (!isBefore(heap[child] as Timer, last)) break;
    heap[at] = heap[child] as Timer;
    at = child;
  }
  heap[at] = last;
}
