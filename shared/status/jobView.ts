import { jobStates, stateAt, type JobState } from './jobState.ts';
import type { TimelineEntry } from './jobRow.ts';

/** A job as users see it. Times are RFC 3339. */
export interface JobView {
  readonly id: string;
  readonly queue: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly state: JobState;
  /** Why it waits, or was buried or cancelled. */
  readonly reason: string | null;
  /** When it may run, where known. */
  readonly due: string | null;
  readonly attempts: number;
  readonly createdAt: string;
  readonly enqueuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly changedAt: string;
  readonly worker: string | null;
  readonly error: { readonly code: string; readonly message: string; readonly fingerprint: string } | null;
  /** From 0 to 1. */
  readonly progress: number | null;
  /** What the attempt is at; of a discarded job, why it was given up. */
  readonly note: string | null;
  /** What its handler gave: JSON where it is JSON, else text. */
  readonly result: unknown;
  readonly source: string | null;
  readonly payload: unknown;
  /** Why there is no payload to show: `TOO_LARGE`, or the code of what is wrong with it. */
  readonly payloadFlaw: string | null;
  /** Dropped: a job of its id had run. */
  readonly duplicate: boolean;
  /** How many later jobs of its id were dropped as doubles of it. */
  readonly duplicates: number;
  readonly tags: readonly string[];
  /** Its main record: `queue/partition/offset`. */
  readonly at: string;
}

/** A row of `status_jobs` as a driver gives it, with the columns of {@link viewColumns}. */
export interface ViewRow {
  readonly queue: string;
  readonly partition: number;
  readonly place: number;
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly due_ms: number | null;
  readonly attempt: number;
  readonly created_ms: number;
  readonly enqueued_ms: number;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  readonly changed_ms: number;
  readonly worker: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly fingerprint: string | null;
  readonly progress: number | null;
  readonly note: string | null;
  readonly result: string | null;
  readonly source: string | null;
  readonly payload: unknown;
  readonly payload_flaw: string | null;
  readonly duplicate: boolean;
  readonly known: boolean;
  readonly told: boolean;
  readonly entries: number;
  readonly burial: number | null;
  readonly discard_note: string | null;
  readonly duplicates: number;
  readonly tags: readonly string[];
}

/** The columns of {@link ViewRow}, of `status_jobs` under its own name. */
export const viewColumns = `queue, partition, place, id, kind, key, state, reason, due_ms, attempt, created_ms, enqueued_ms, started_ms, finished_ms, changed_ms, worker,
  error_code, error_message, fingerprint, progress, note, result, source, payload, payload_flaw, duplicate, known, told, entries, burial, discard_note,
  case when duplicate then 0 else (select count(*) from status_jobs d where d.id = status_jobs.id and d.duplicate and d.queue = status_jobs.queue and d.partition = status_jobs.partition) end as duplicates,
  (select coalesce(jsonb_agg(t.tag order by t.tag), '[]'::jsonb) from operator_tags t
   where t.queue = status_jobs.queue and t.partition = status_jobs.partition and t.place = status_jobs.place and t.id = status_jobs.id and not t.removed) as tags`;

export function toView(row: ViewRow, nowMs: number): JobView {
  const state = stateAt(jobStates.find((one) => one === row.state) ?? 'queued', row.due_ms, nowMs);
  return {
    id: row.id, queue: row.queue, kind: row.kind, key: row.key, state,
    reason: row.reason, due: toTime(row.due_ms), attempts: row.attempt,
    createdAt: toTime(row.created_ms) ?? '', enqueuedAt: toTime(row.enqueued_ms) ?? '', startedAt: toTime(row.started_ms), finishedAt: toTime(row.finished_ms), changedAt: toTime(row.changed_ms) ?? '',
    worker: row.worker,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '', fingerprint: row.fingerprint ?? '' },
    progress: row.progress, note: row.reason === 'discarded' && row.discard_note !== null ? row.discard_note : row.note, result: parseResult(row.result), source: row.source, payload: row.payload, payloadFlaw: row.payload_flaw, duplicate: row.duplicate, duplicates: row.duplicates, tags: row.tags,
    at: `${row.queue}/${row.partition}/${row.place}`,
  };
}

/** One line of a timeline as users see it. */
export interface TimelineView {
  readonly n: number;
  readonly at: string;
  readonly type: string;
  readonly attempt: number;
  readonly reason: string | null;
  readonly due: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly note: string | null;
  /** From 0 to 1. */
  readonly progress: number | null;
  readonly worker: string | null;
}

/** The timeline, its beginning (the enqueuing, number 0) included where it is known. */
export function toTimeline(row: ViewRow, entries: readonly TimelineEntry[]): TimelineView[] {
  const start: TimelineView = { n: 0, at: toTime(row.enqueued_ms) ?? '', type: 'enqueued', attempt: 0, reason: null, due: null, error: null, note: null, progress: null, worker: null };
  return [...(row.known ? [start] : []), ...entries.map(toTimelineView)];
}

export function toTimelineView({ n, at, type, attempt, reason, due, code, message, note, progress, worker }: TimelineEntry): TimelineView {
  return { n, at: toTime(at) ?? '', type, attempt, reason: reason ?? null, due: toTime(due ?? null), error: code === undefined ? null : { code, message: message ?? '' }, note: note ?? null, progress: progress ?? null, worker };
}

const LAST_TIME_MS = 8.64e15;

/** RFC 3339; a time that no calendar knows (producers set timestamps as they like) is cut to the last or first that it does. */
export function toTime(ms: number | null): string | null {
  return ms === null ? null : new Date(Math.max(-LAST_TIME_MS, Math.min(LAST_TIME_MS, ms))).toISOString();
}

function parseResult(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
