import type { Duration } from '../jobs/duration.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';

/**
 * What happens at a tick while the run before is under way (a run that waits for a retry is):
 *
 * | policy | the tick |
 * |---|---|
 * | `skip` | does not run |
 * | `buffer-one` | runs when that has ended; further ticks meanwhile do not |
 * | `buffer-all` | runs when that, and the ticks that wait already, have ended (at most 1,000 wait) |
 * | `allow-all` | runs at once, beside it |
 * | `cancel-other` | cancels it, and runs when it has ended; a later tick takes its place meanwhile |
 * | `terminate-other` | cancels it, and runs at once: a handler that does not heed its signal may still run |
 */
export const overlapPolicies = ['skip', 'buffer-one', 'buffer-all', 'allow-all', 'cancel-other', 'terminate-other'] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

/** When a schedule ticks: by `cron` or by `every`. */
export interface ScheduleTiming {
  /**
   * Five fields (minute, hour, day of month, month, weekday), or six with seconds first; also `L`, `W`, `#`, names, `@daily` and the like. At a
   * change of the clocks: a time that the day lacks ticks at the first moment after the gap; of one that it has twice, the first
   * ticks where the hour and minute are fixed, and both do where they are a range or a step.
   */
  readonly cron?: string;
  /** IANA name, for `cron`. @default "UTC" */
  readonly timezone?: string;
  /** At multiples of this since 1970-01-01T00:00Z, whenever it was put: `"5m"` ticks at :00, :05, … At least 1 s. */
  readonly every?: Duration;
  /** Shifts the ticks of `every`. */
  readonly offset?: Duration;
  /** No tick before. */
  readonly startAt?: Date;
  /** No tick after. */
  readonly endAt?: Date;
}

export interface ScheduleOptions extends ScheduleTiming {
  /** 1 to 150 letters, digits, `.`, `_`, `-`, `:`. Putting another of the same name replaces it. */
  readonly name: string;
  /** @default "skip" */
  readonly overlap?: OverlapPolicy;
  /** Ticks that were missed because no scheduler ran are made up for when one does, if they are not older than this (the newest 1,000). @default "365d" */
  readonly catchUp?: Duration;
  /** Each tick runs up to so much later, by chance that hangs on name and tick alone; never after the next tick. @default none */
  readonly jitter?: Duration;
  /** Runs started by ticks at most; then it ticks no more. */
  readonly limit?: number;
  /** For people. At most 500 characters. */
  readonly note?: string;
  /** The entity, instead of what the definition's `key` makes of the payload. */
  readonly key?: string;
}

/** A schedule whose runs are jobs of a definition that this program has. */
export interface JobSchedule<P = unknown> extends ScheduleOptions {
  readonly job: JobDefinition<string, P>;
  readonly payload: NoInfer<P>;
}

/** A schedule whose job is defined elsewhere: by the kind's name and what the schema registry knows. */
export interface KindSchedule extends ScheduleOptions {
  readonly kind: string;
  readonly queue: string;
  /** Subject whose latest version the payload is written by. @default the kind's name */
  readonly schema?: string;
  /** JSON; see `intake/payloadForm.ts` for the forms of what JSON lacks. */
  readonly payload: unknown;
}

/** What made a run. */
export type RunCause = 'tick' | 'run-now' | 'backfill';

/** How a run ended; `unknown`: events that would tell were gone before they were read; `failed`: Kafka refused the job. */
export type RunEnd = 'done' | 'buried' | 'cancelled' | 'discarded' | 'terminated' | 'failed' | 'unknown';

export interface ScheduleRun {
  readonly jobId: string;
  /** The time that it stands for; the handler finds it in `mr_tick`. */
  readonly tick: Date;
  readonly cause: RunCause;
  /** When it was started, or written down to be. */
  readonly at: Date;
  /** Null: under way, or its end is not followed (`allow-all`). */
  readonly end: RunEnd | null;
}

/** A schedule as it stands. */
export interface ScheduleView {
  readonly name: string;
  readonly kind: string;
  readonly queue: string;
  readonly key: string | null;
  readonly cron: string | null;
  readonly timezone: string;
  readonly everyMs: number | null;
  readonly offsetMs: number;
  readonly startAt: Date | null;
  readonly endAt: Date | null;
  readonly overlap: OverlapPolicy;
  readonly catchUpMs: number;
  readonly jitterMs: number;
  readonly limit: number | null;
  readonly note: string | null;
  readonly putAt: Date;
  /** Null: it runs. */
  readonly paused: { readonly at: Date; readonly note: string | null } | null;
  /** The next ticks, at most five; none while it is paused, has reached its limit or its end. */
  readonly next: readonly Date[];
  /** Runs under way. */
  readonly running: readonly ScheduleRun[];
  /** Ticks that wait for a run's end, at most ten of them. */
  readonly buffered: readonly Date[];
  readonly bufferedCount: number;
  readonly counts: ScheduleCounts;
  /** The last ten runs, newest first. */
  readonly recent: readonly ScheduleRun[];
}

/** Since it was put first. */
export interface ScheduleCounts {
  /** Runs started. */
  readonly started: number;
  /** Of them, by ticks: what `limit` counts. */
  readonly ticked: number;
  /** Ticks that did not run because of a run under way. */
  readonly skipped: number;
  /** Ticks in a pause; counted up to 1,000 at once. */
  readonly pausedOver: number;
  /** Ticks too old to be made up for; counted up to 1,000 at once. */
  readonly missed: number;
  /** Runs that the overlap policy cancelled. */
  readonly cancelled: number;
}
