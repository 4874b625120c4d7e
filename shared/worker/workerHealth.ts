import type { Clock } from '../runtime/clock.ts';
import type { HealthCheck } from '../runtime/health.ts';
import { initialProgress, judgeProgress, type ProgressSample } from '../runtime/progressWatch.ts';
import type { QueueRunner } from './queueRunner.ts';

/** The part of a runner that its health shows in. */
export type HealthyRunner = Pick<QueueRunner, 'ready' | 'highWatermarks' | 'lastSeen'> & {
  readonly engine: Pick<QueueRunner['engine'], 'partitions' | 'running'>;
};

export interface WorkerHealthOptions {
  /** The runners as they are now; none before the start. */
  readonly runners: () => readonly HealthyRunner[];
  /** What its start waits for, if it does. */
  readonly waitsFor?: () => string | null;
  readonly clock: Clock;
  /** With work and without progress for so long, the worker is not live. */
  readonly stallAfterMs: number;
}

/** A worker's checks. Ready: everything owned is restored and open, and Kafka answers. Live: what could move on does. */
export function createWorkerChecks({ runners, waitsFor = () => null, clock, stallAfterMs }: WorkerHealthOptions): { readonly ready: HealthCheck[]; readonly live: HealthCheck[] } {
  let progress = initialProgress;
  return {
    ready: [
      {
        name: 'partitions',
        check() {
          const all = runners().flatMap((runner) => [...runner.engine.partitions.values()]);
          const closed = all.filter((partition) => partition.phase !== 'active');
          const started = runners().length > 0 && runners().every((runner) => runner.ready);
          const reason = runners().length === 0 ? ['not started', waitsFor()].filter(Boolean).join(': ') : `${all.length - closed.length} of ${all.length} partitions open`;
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
    live: [
      {
        name: 'progress',
        check() {
          const { state, result } = judgeProgress(progress, sampleProgress(runners(), clock), stallAfterMs);
          progress = state;
          return result;
        },
      },
    ],
  };
}

/**
 * While attempts run they are the progress: their timeouts bound them. Otherwise a partition that is not open yet and records that wait to be
 * taken in are work. That Kafka is away is none: a restart would not bring it back.
 */
function sampleProgress(runners: readonly HealthyRunner[], clock: Clock): ProgressSample {
  const now = clock.now();
  let progress = 0;
  const work: string[] = [];
  for (const runner of runners) {
    const kafkaAnswers = now - runner.lastSeen().coordinatorMs < 30_000;
    for (const partition of runner.engine.partitions.values()) {
      const { number, phase, fetchedUpTo, backlogRecords, committedOffset } = partition;
      progress += fetchedUpTo + committedOffset + partition.log.position + (fetchedUpTo - backlogRecords);
      if (runner.engine.running > 0 || !kafkaAnswers) continue;
      const unread = Math.max(0, (runner.highWatermarks.get(number) ?? 0) - fetchedUpTo) + backlogRecords;
      if (phase !== 'active') work.push(`partition ${number} is ${phase}`);
      else if (unread > 0 && partition.mayTakeIn) work.push(`partition ${number} has ${unread} records`);
    }
  }
  return { atMs: clock.monotonic(), progress, work: work.length === 0 ? null : work.join(', ') };
}
