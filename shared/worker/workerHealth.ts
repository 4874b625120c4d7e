import type { Clock } from '../runtime/clock.ts';
import type { HealthCheck } from '../runtime/health.ts';
import { initialProgress, judgeProgress } from '../runtime/progressWatch.ts';
import type { QueueRunner } from './queueRunner.ts';
import { sampleProgress, type ProgressingRunner } from './sampleProgress.ts';

/** The part of a runner that its health shows in. */
export type HealthyRunner = ProgressingRunner & Pick<QueueRunner, 'ready'>;

export interface WorkerHealthOptions {
  /** The runners as they are now; none before the start. */
  readonly runners: () => readonly HealthyRunner[];
  /** What its start waits for, if it does. */
  readonly waitsFor?: () => string | null;
  readonly clock: Clock;
  /** With work and without progress for so long, the worker is not live. */
  readonly stallAfterMs: number;
}

export interface WorkerChecks {
  readonly ready: readonly HealthCheck[];
  readonly live: readonly HealthCheck[];
  /** Looks at the worker once a second from now on, so that a stall is known when a probe comes, however rarely. Returns how to stop that. */
  watch(): () => void;
}

const LOOK_EVERY_MS = 1000;
/** Looks that come later were held up by the process as a whole: it was stopped, or a handler kept the event loop. */
const LONGEST_GAP_MS = 3 * LOOK_EVERY_MS;

/** A worker's checks. Ready: everything owned is restored and open, and Kafka answers. Live: what could move on does. */
export function createWorkerChecks({ runners, waitsFor = () => null, clock, stallAfterMs }: WorkerHealthOptions): WorkerChecks {
  let progress = initialProgress;
  const look = (): ReturnType<HealthCheck['check']> => {
    const { state, result } = judgeProgress(progress, { atMs: clock.monotonic(), work: sampleProgress(runners(), clock.now(), stallAfterMs) }, { stallAfterMs, longestGapMs: LONGEST_GAP_MS });
    progress = state;
    return result;
  };
  return {
    ready: [
      {
        name: 'partitions',
        check() {
          const all = runners().flatMap((runner) => [...runner.engine.partitions.values()]);
          const closed = all.filter((partition) => partition.phase !== 'active' || partition.stands);
          const standing = closed.filter((partition) => partition.stands).map((partition) => partition.number);
          const started = runners().length > 0 && runners().every((runner) => runner.ready);
          const open = `${all.length - closed.length} of ${all.length} partitions open${standing.length === 0 ? '' : `; ${standing.join(', ')} until somebody helps: see the log`}`;
          const reason = runners().length === 0 ? ['not started', waitsFor()].filter(Boolean).join(': ') : open;
          return { ok: started && closed.length === 0, reason };
        },
      },
      {
        name: 'kafka',
        check() {
          const silentMs = Math.max(0, ...runners().map((runner) => clock.now() - Math.min(runner.lastSeen().fetchMs, runner.lastSeen().coordinatorMs)));
          return { ok: silentMs < stallAfterMs, reason: runners().length === 0 ? 'not started' : `last answer ${Math.round(silentMs / 1000)} s ago` };
        },
      },
    ],
    live: [{ name: 'progress', check: look }],
    watch() {
      let cancel = (): void => undefined;
      const again = (): void => {
        look();
        cancel = clock.after(LOOK_EVERY_MS, again);
      };
      again();
      return () => { cancel(); };
    },
  };
}
