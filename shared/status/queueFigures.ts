import type { Session } from '../database/port.ts';
import { jobStates, type JobState } from './jobState.ts';
import { minuteColumns, type MinuteCounts } from './tally.ts';

export interface QueueFigures {
  readonly queue: string;
  readonly counts: Readonly<Record<JobState, number>>;
  /** By kind, the kinds that have jobs. */
  readonly kinds: Readonly<Record<string, Partial<Record<JobState, number>>>>;
  /** When the oldest job that is to run now was enqueued, epoch ms. */
  readonly oldestQueuedMs: number | null;
  /** The same of those in the waiting room. */
  readonly oldestWaitingMs: number | null;
  /** What happened in the last `windowMinutes`, a minute on average. */
  readonly perMinute: MinuteCounts;
  readonly windowMinutes: number;
  /** Who was last heard of as owner of how many partitions. */
  readonly workers: readonly { readonly worker: string; readonly partitions: number; readonly seenMs: number }[];
}

const WINDOW_MINUTES = 5;
const MINUTE_MS = 60_000;

/** The queues that the tables know, in order. */
export async function knownQueues(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ queue: string }>('select distinct queue from status_positions order by queue');
  return rows.map(({ queue }) => queue);
}

export async function readQueueFigures(session: Session, queue: string, nowMs: number): Promise<QueueFigures> {
  const counts = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
  const kinds: Record<string, Partial<Record<JobState, number>>> = {};
  const counted = await session.query<{ kind: string; state: JobState; jobs: number }>('select kind, state, sum(jobs)::bigint as jobs from status_counts where queue = $1 group by kind, state having sum(jobs) <> 0 order by kind, state', [queue]);
  for (const { kind, state, jobs } of counted.rows) {
    counts[state] += jobs;
    (kinds[kind] ??= {})[state] = jobs;
  }
  const due = await session.query<{ jobs: number }>('select count(*) as jobs from status_jobs where queue = $1 and state = \'scheduled\' and finished_ms is null and due_ms <= $2', [queue, nowMs]);
  const overdue = due.rows[0]?.jobs ?? 0;
  counts.scheduled -= overdue;
  counts.queued += overdue;
  const oldest = (state: string) => session.query<{ at: number | null }>('select min(enqueued_ms) as at from status_jobs where queue = $1 and state = $2 and finished_ms is null', [queue, state]);
  const rates = await session.query<Record<string, number>>(
    `select ${minuteColumns.map((name) => `coalesce(sum(${name}), 0)::bigint as ${name}`).join(', ')} from status_minutes where queue = $1 and minute_ms >= $2 and minute_ms < $3`,
    [queue, Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - WINDOW_MINUTES * MINUTE_MS, Math.floor(nowMs / MINUTE_MS) * MINUTE_MS],
  );
  const workers = await session.query<QueueFigures['workers'][number]>('select worker, count(*) as partitions, max(seen_ms) as "seenMs" from status_owners where queue = $1 group by worker order by worker', [queue]);
  return {
    queue, counts, kinds,
    oldestQueuedMs: (await oldest('queued')).rows[0]?.at ?? null,
    oldestWaitingMs: (await oldest('waiting')).rows[0]?.at ?? null,
    perMinute: Object.fromEntries(minuteColumns.map((name) => [name, (rates.rows[0]?.[name] ?? 0) / WINDOW_MINUTES])) as MinuteCounts,
    windowMinutes: WINDOW_MINUTES,
    workers: workers.rows,
  };
}

/** What happened minute by minute from `fromMs` on, all kinds together; minutes in which nothing happened are left out. */
export async function readMinutes(session: Session, queue: string, fromMs: number): Promise<({ readonly minuteMs: number } & MinuteCounts)[]> {
  const { rows } = await session.query<{ minuteMs: number } & MinuteCounts>(
    `select minute_ms as "minuteMs", ${minuteColumns.map((name) => `sum(${name})::bigint as ${name}`).join(', ')} from status_minutes where queue = $1 and minute_ms >= $2 group by minute_ms order by minute_ms`,
    [queue, fromMs],
  );
  return rows;
}
