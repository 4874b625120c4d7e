import type { Session, SqlValue } from '../database/port.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { viewColumns, type ViewRow } from './jobView.ts';
import { openStates, type JobState } from './jobState.ts';
import { payloadField } from './payloadFields.ts';

/** All given must hold. */
export interface JobFilter {
  readonly queue?: string;
  readonly kind?: string;
  readonly states?: readonly JobState[];
  readonly key?: string;
  readonly id?: string;
  readonly reason?: string;
  /** Enqueued at or after, epoch ms. */
  readonly fromMs?: number;
  /** Enqueued before, epoch ms. */
  readonly toMs?: number;
  /** One of these. */
  readonly ids?: readonly string[];
  /** Of one of these entities. */
  readonly keys?: readonly string[];
  /** Bears one of these tags. */
  readonly tags?: readonly string[];
  /** Buried at or after, epoch ms. */
  readonly buriedFromMs?: number;
  /** Buried before, epoch ms. */
  readonly buriedToMs?: number;
  readonly errorCode?: string;
  readonly fingerprint?: string;
  /** Occurs in the error's message, case aside. */
  readonly errorText?: string;
  /** Fields of the payload by path (`address.city`), and the text of their value. */
  readonly payload?: readonly { readonly path: string; readonly value: string }[];
}

export interface JobPage {
  readonly rows: readonly ViewRow[];
  /** Give it back for the next page; null: that was the last one. */
  readonly cursor: string | null;
}

interface Cursor {
  readonly enqueuedMs: number;
  readonly queue: string;
  readonly partition: number;
  readonly place: number;
}

/**
 * Jobs that fit, the last enqueued first. Pages by where the last one ended, so jobs that come or go meanwhile neither repeat nor hide others.
 * @throws MillraceError BAD_QUERY for a cursor that was not given out
 */
export async function listJobs(session: Session, filter: JobFilter, { limit, cursor, nowMs }: { readonly limit: number; readonly cursor: string | null; readonly nowMs: number }): Promise<JobPage> {
  const { where, params } = conditionsOf(filter, nowMs);
  if (cursor !== null) {
    const { enqueuedMs, queue, partition, place } = readCursor(cursor);
    const at = params.push(enqueuedMs, queue, partition, place);
    where.push(`(-enqueued_ms, queue, partition, place) > (-$${at - 3}::bigint, $${at - 2}, $${at - 1}, $${at})`, `enqueued_ms <= $${at - 3}::bigint`);
  }
  const { rows } = await session.query<ViewRow>(
    `select ${viewColumns} from status_jobs ${where.length === 0 ? '' : `where ${where.join(' and ')}`} order by enqueued_ms desc, queue, partition, place limit ${limit + 1}`,
    params,
  );
  const last = rows[limit - 1];
  return { rows: rows.slice(0, limit), cursor: rows.length > limit && last !== undefined ? writeCursor(last) : null };
}

/** How many jobs fit, counted to `upTo` at most. */
export async function countJobs(session: Session, filter: JobFilter, nowMs: number, upTo: number): Promise<number> {
  const { where, params } = conditionsOf(filter, nowMs);
  const { rows } = await session.query<{ jobs: number }>(`select count(*) as jobs from (select 1 from status_jobs ${where.length === 0 ? '' : `where ${where.join(' and ')}`} limit ${upTo}) as fitting`, params);
  return rows[0]?.jobs ?? 0;
}

/** What holds of the rows of `status_jobs` that fit, with parameters from $1 on. */
export function conditionsOf(filter: JobFilter, nowMs: number): { where: string[]; params: SqlValue[] } {
  const where: string[] = [];
  const params: SqlValue[] = [];
  const add = (condition: (name: string) => string, value: SqlValue | undefined): void => {
    if (value !== undefined) where.push(condition(`$${params.push(value)}`));
  };
  add((name) => `queue = ${name}`, filter.queue);
  add((name) => `kind = ${name}`, filter.kind);
  add((name) => `key = ${name}`, filter.key);
  add((name) => `id = ${name}`, filter.id);
  add((name) => `reason = ${name}`, filter.reason);
  add((name) => `enqueued_ms >= ${name}::bigint`, filter.fromMs);
  add((name) => `enqueued_ms < ${name}::bigint`, filter.toMs);
  add((name) => `id = any(${name}::text[])`, filter.ids);
  add((name) => `key = any(${name}::text[])`, filter.keys);
  add((name) => `exists (select 1 from operator_tags t where t.queue = status_jobs.queue and t.partition = status_jobs.partition and t.place = status_jobs.place and t.id = status_jobs.id and not t.removed and t.tag = any(${name}::text[]))`, filter.tags);
  add((name) => `buried_ms >= ${name}::bigint`, filter.buriedFromMs);
  add((name) => `buried_ms < ${name}::bigint`, filter.buriedToMs);
  add((name) => `error_code = ${name}`, filter.errorCode);
  add((name) => `fingerprint = ${name}`, filter.fingerprint);
  // Who has a message has a code: said for the index of those few.
  add((name) => `error_code is not null and strpos(lower(error_message), lower(${name})) > 0`, filter.errorText);
  for (const { path, value } of filter.payload ?? []) {
    const name = `$${params.push(value)}`;
    // Written as its index has it, for one that there may be.
    where.push(`${payloadField(path)} = ${name}::text`, `left(${payloadField(path)}, 200) = left(${name}::text, 200)`);
  }
  // True of them by itself: said for the index of those that are not over.
  if (filter.states?.every((state) => openStates.includes(state)) === true) where.push('finished_ms is null');
  if (filter.states !== undefined) where.push(stateCondition(filter.states, (value) => `$${params.push(value)}`, nowMs));
  return { where, params };
}

/** A scheduled job whose time has come is stored as scheduled, and counts as queued. */
function stateCondition(states: readonly JobState[], name: (value: SqlValue) => string, nowMs: number): string {
  const plain = states.filter((state) => state !== 'scheduled');
  const parts = [`state = any(${name(plain)}::text[])`];
  if (states.includes('scheduled')) parts.push(states.includes('queued') ? 'state = \'scheduled\'' : `(state = 'scheduled' and (due_ms is null or due_ms > ${name(nowMs)}::bigint))`);
  else if (states.includes('queued')) parts.push(`(state = 'scheduled' and due_ms <= ${name(nowMs)}::bigint)`);
  return `(${parts.join(' or ')})`;
}

function writeCursor({ enqueued_ms, queue, partition, place }: ViewRow): string {
  return Buffer.from(JSON.stringify([enqueued_ms, queue, partition, place])).toString('base64url');
}

function readCursor(text: string): Cursor {
  try {
    const [enqueuedMs, queue, partition, place] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (Number.isSafeInteger(enqueuedMs) && typeof queue === 'string' && Number.isInteger(partition) && Number.isSafeInteger(place) && (partition as number) >= 0 && (partition as number) < 2 ** 31 && !queue.includes('\0')) {
      return { enqueuedMs: enqueuedMs as number, queue, partition: partition as number, place: place as number };
    }
  } catch {
    // Told below.
  }
  throw new MillraceError('BAD_QUERY', { at: 'cursor', expected: 'the cursor that the page before gave', got: text });
}
