import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';

export interface BacklogLimits {
  /** Jobs that workers have not settled, of one queue. */
  readonly maxJobs: number;
  /** How long they would take to work off, at the rate of late. */
  readonly maxDrainMs: number;
}

export interface BacklogOptions {
  readonly admin: Pick<Admin, 'logBounds' | 'committed'>;
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly limits: BacklogLimits;
  readonly groupOf?: (queue: string) => string;
  /** How often Kafka is asked. Default 1 s. */
  readonly pollMs?: number;
  /** Kafka did not tell; it is asked again, and the last figures stand. */
  readonly trouble?: (queue: string, error: unknown) => void;
}

export interface BacklogFigures {
  /** As Kafka told, and what was let in here since. */
  readonly lag: number;
  /** Null: not known yet. */
  readonly drainedPerSecond: number | null;
  readonly full: boolean;
}

/** Watches how much work each queue has, and says when it is too much. */
export interface Backlog {
  start(): void;
  stop(): void;
  /** @throws MillraceError QUEUE_FULL, with the time after which there will be room, by the drain rate */
  mustHaveRoom(queue: string): void;
  /** One job more. */
  accepted(queue: string): void;
  figures(queue: string): BacklogFigures;
}

/** Measured over about so long: long enough to tell a rate from a burst. */
const RATE_OVER_MS = 10_000;
/** Fewer are worked off before anybody could wait for them, however slow it looks. */
const FEW_JOBS = 1000;
/** A queue that was full has room again at this share of its limit: else it would open and shut with every job. */
const REOPEN_AT = 0.9;
const LEAST_RETRY_MS = 1000;
const MOST_RETRY_MS = 300_000;

interface Watch {
  lag: number;
  sinceThen: number;
  settled: readonly number[] | null;
  atMs: number;
  ratePerMs: number | null;
  full: boolean;
}

/** Creates a watch; asks nothing before `start`. A queue of which nothing is known yet has room. */
export function createBacklog(options: BacklogOptions): Backlog {
  const { admin, queues, clock, limits, groupOf = (queue) => `millrace.${queue}`, pollMs = 1000, trouble } = options;
  const watches = new Map<string, Watch>(queues.map((queue) => [queue, { lag: 0, sinceThen: 0, settled: null, atMs: 0, ratePerMs: null, full: false }]));
  let cancel: () => void = () => undefined;
  let stopped = false;

  const look = async (queue: string, watch: Watch): Promise<void> => {
    const { main } = queueTopicNames(queue);
    const before = watch.sinceThen;
    const [bounds, committed] = await Promise.all([admin.logBounds(main), admin.committed(groupOf(queue), main)]);
    const nowMs = clock.monotonic();
    const settled = bounds.map(({ partition, startOffset }) => Math.max(startOffset, committed.find((one) => one.partition === partition)?.position?.offset ?? startOffset));
    watch.lag = bounds.reduce((sum, { endOffset }, index) => sum + Math.max(0, endOffset - (settled[index] ?? endOffset)), 0);
    // What was let in before the question is in Kafka's answer.
    watch.sinceThen -= before;
    if (watch.settled !== null) {
      const moved = settled.reduce((sum, offset, index) => sum + Math.max(0, offset - (watch.settled?.[index] ?? offset)), 0);
      const tookMs = Math.max(1, nowMs - watch.atMs);
      const weight = 1 - Math.exp(-tookMs / RATE_OVER_MS);
      // A queue without work drains nothing, which says nothing of how fast it could.
      if (moved > 0 || watch.lag > 0) watch.ratePerMs = watch.ratePerMs === null ? moved / tookMs : watch.ratePerMs + weight * (moved / tookMs - watch.ratePerMs);
    }
    watch.settled = settled;
    watch.atMs = nowMs;
    judge(watch);
  };
  const judge = (watch: Watch): void => {
    const share = watch.full ? REOPEN_AT : 1;
    const lag = watch.lag + watch.sinceThen;
    const slow = lag > FEW_JOBS && watch.ratePerMs !== null && watch.ratePerMs > 0 && lag / watch.ratePerMs > limits.maxDrainMs * share;
    watch.full = lag >= limits.maxJobs * share || slow;
  };
  const round = async (): Promise<void> => {
    await Promise.all([...watches].map(([queue, watch]) => look(queue, watch).catch((error: unknown) => { trouble?.(queue, error); })));
    if (!stopped) cancel = clock.after(pollMs, () => { void round(); });
  };

  return {
    start() { void round(); },
    stop() {
      stopped = true;
      cancel();
    },
    mustHaveRoom(queue) {
      const watch = watches.get(queue);
      if (watch === undefined || !watch.full) return;
      throw new MillraceError('QUEUE_FULL', { at: queue, got: watch.lag + watch.sinceThen, fix: 'Try again later', retryAfterMs: retryAfterMs(watch, limits) });
    },
    accepted(queue) {
      const watch = watches.get(queue);
      if (watch === undefined) return;
      watch.sinceThen += 1;
      if (!watch.full && watch.lag + watch.sinceThen >= limits.maxJobs) watch.full = true;
    },
    figures(queue) {
      const watch = watches.get(queue);
      return { lag: (watch?.lag ?? 0) + (watch?.sinceThen ?? 0), drainedPerSecond: watch?.ratePerMs == null ? null : watch.ratePerMs * 1000, full: watch?.full ?? false };
    },
  };
}

/** When there will be room, at the rate of late. */
function retryAfterMs(watch: Watch, limits: BacklogLimits): number {
  if (watch.ratePerMs === null || watch.ratePerMs <= 0) return 30_000;
  const lag = watch.lag + watch.sinceThen;
  const bearable = REOPEN_AT * Math.min(limits.maxJobs, limits.maxDrainMs * watch.ratePerMs);
  return Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, (lag - bearable) / watch.ratePerMs));
}
