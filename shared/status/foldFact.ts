import type { BurialFact, DiscardFact, EnqueuedFact, EventFact, Fact, RedrivenFact, StandingFact } from './fact.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import type { JobRow, TimelineEntry } from './jobRow.ts';
import { isFinal, stateOfWait, type JobState } from './jobState.ts';

/** A longer history keeps its beginning and its end. */
const KEPT_ENTRIES = 100;
const KEPT_AT_START = 20;

/**
 * What is known of a job after one more fact. Pure. Main records and events may come in any order between them (the events of one job come in
 * theirs): the end is the same. @returns the row itself where the fact says nothing new; null where nothing is known still
 */
export function foldFact(row: JobRow | null, fact: Fact): JobRow | null {
  switch (fact.type) {
    case 'enqueued':
      return foldEnqueued(row, fact);
    case 'event':
      return settleDiscard(foldEvent(row, fact));
    case 'standing':
      return settleDiscard(foldStanding(row, fact));
    case 'burial':
      return settleDiscard(foldBurial(row, fact));
    case 'discard':
      return settleDiscard(foldDiscard(row, fact));
    case 'redriven':
      return foldRedriven(row, fact);
  }
}

function foldEnqueued(row: JobRow | null, fact: EnqueuedFact): JobRow {
  const { partition, place, id, key, createdMs, enqueuedMs, notBeforeMs, source, valueBytes, payload, payloadFlaw } = fact;
  const main = { id, key, createdMs, enqueuedMs, notBeforeMs, source, valueBytes, payload, payloadFlaw, known: true };
  // Another job at the same place: the topic was made anew.
  const later = notBeforeMs !== null && notBeforeMs > enqueuedMs;
  const start = { state: later ? 'scheduled' : 'queued', dueMs: later ? notBeforeMs : null } as const;
  if (row === null || (row.known && (row.id !== id || row.enqueuedMs !== enqueuedMs))) {
    return { ...blank(partition, place, id, enqueuedMs), ...main, kind: fact.kind, ...start };
  }
  if (row.known) return row;
  // Only a dead letter was read so far, and that says nothing of now.
  const unsaid = !row.told && row.state === 'queued';
  return { ...row, ...main, kind: fact.kind ?? row.kind, ...(unsaid ? { ...start, changedMs: enqueuedMs } : {}) };
}

function foldEvent(row: JobRow | null, fact: EventFact): JobRow | null {
  const known = row ?? { ...blank(fact.partition, fact.place, fact.id, fact.atMs), kind: fact.kind, key: fact.key };
  // Of a job that stood here before the topic was made anew.
  if (known.known && known.id !== fact.id) return row;
  if (fact.event === 'progress') return foldProgress(known, fact) ?? row;
  if (isLate(known, fact)) return row;
  const change = changeOf(known, fact);
  // A publication that was sent twice may come late: it says nothing new.
  if (change === null || known.timeline.some((entry) => isSame(entry, fact))) return row;
  return {
    ...known,
    kind: known.kind ?? fact.kind,
    attempt: fact.attempt,
    changedMs: fact.atMs,
    worker: fact.worker,
    told: true,
    ...change,
    entries: known.entries + 1,
    timeline: append(known.timeline, entryOf(known.entries + 1, fact)),
  };
}

/** The timeline keeps the last of each attempt. Null: what is known is newer. */
function foldProgress(row: JobRow, fact: EventFact): JobRow | null {
  if (isFinal(row.state) || row.state === 'waiting') return null;
  const at = row.timeline.findLastIndex(({ type, attempt, epoch }) => type === 'progress' && attempt === fact.attempt && epoch === fact.epoch);
  const former = row.timeline[at];
  if (former !== undefined && former.at >= fact.atMs) return null;
  const entries = former === undefined ? row.entries + 1 : row.entries;
  const entry = entryOf(former?.n ?? entries, fact);
  return {
    ...row, state: 'running', dueMs: null, progress: fact.progress, note: fact.note, told: true, changedMs: fact.atMs, entries,
    timeline: former === undefined ? append(row.timeline, entry) : row.timeline.with(at, entry),
  };
}

/** Within one reign only a redrive leads out of a final state: what else is told of before the end was overtaken by it. */
function isLate({ state, timeline }: JobRow, { event, epoch, reason }: EventFact): boolean {
  return isFinal(state) && timeline.at(-1)?.epoch === epoch && (event === 'started' || (event === 'waiting' && reason !== 'held'));
}

type Change = Partial<JobRow> & { readonly state: JobState };

/** Null: a type that this version does not know. */
function changeOf(row: JobRow, { event, atMs, reason, dueMs, error, note, result }: EventFact): Change | null {
  const failed = error === null ? {} : errorOf(error);
  const open = { reason: null, dueMs: null, finishedMs: null };
  const over = { reason: null, dueMs: null, finishedMs: atMs };
  const flawless = { errorCode: null, errorMessage: null, fingerprint: null };
  switch (event) {
    case 'started':
      return { ...open, state: 'running', startedMs: row.startedMs ?? atMs, progress: null, note: null };
    case 'waiting':
      // A held job blocks its lane: it stays among those that are not over.
      return { ...open, ...failed, state: stateOfWait(reason), reason, dueMs };
    case 'done':
      return { ...over, ...flawless, state: 'done', result };
    case 'buried':
      return { ...over, ...failed, state: 'dead', reason };
    case 'redriven':
      return { ...open, ...flawless, state: 'queued', progress: null, note: null };
    case 'discarded':
      return { ...over, state: 'cancelled', reason: 'discarded' };
    case 'cancelled':
      return { ...over, ...failed, state: 'cancelled', reason: reason ?? 'cancelled', ...(note === null ? {} : { note }) };
    case 'duplicate':
      return { ...over, state: 'cancelled', reason: 'duplicate', duplicate: true };
    default:
      return null;
  }
}

/** Counts only where no event tells: what an event says is newer, or the same. */
function foldStanding(row: JobRow | null, fact: StandingFact): JobRow | null {
  // A tombstone names no id: its record key may be another.
  // Two topics tell of standings: what the other one said last may be newer.
  if (row !== null && !row.told && row.state !== 'queued' && fact.atMs < row.changedMs) return row;
  if (row?.told === true || (row?.known === true && row.id !== fact.id && fact.standing !== 'gone')) return row;
  const { partition, place, id, enqueuedMs, atMs, attempt, reason, dueMs } = fact;
  const base = row ?? { ...blank(partition, place, id, enqueuedMs), kind: fact.kind, key: fact.key, createdMs: enqueuedMs };
  const failed = fact.error === null ? {} : errorOf(fact.error);
  switch (fact.standing) {
    case 'buried':
      return settleRedriven({ ...base, ...failed, state: 'dead', reason, dueMs: null, attempt, changedMs: atMs, finishedMs: atMs });
    case 'waits':
      return { ...base, ...failed, state: stateOfWait(reason), reason, dueMs, attempt, changedMs: atMs, finishedMs: null };
    case 'gone':
      // It waited, and waits no more; of a burial the dead letter tells.
      if (row === null || row.state === 'dead') return row;
      return { ...row, state: 'done', reason: null, dueMs: null, changedMs: atMs, finishedMs: atMs };
  }
}

function foldBurial(row: JobRow | null, { partition, place, id, kind, key, burial, atMs }: BurialFact): JobRow | null {
  if (row !== null && row.id !== id) return row;
  if (row?.burial != null && row.burial >= burial) return row;
  return { ...(row ?? { ...blank(partition, place, id, atMs), kind, key }), burial, buriedMs: atMs };
}

function foldDiscard(row: JobRow | null, { id, burial, note }: DiscardFact): JobRow | null {
  if (row?.id !== id || (row.discarded !== null && row.discarded >= burial)) return row;
  return { ...row, discarded: burial, discardNote: note };
}

function foldRedriven(row: JobRow | null, { burial }: RedrivenFact): JobRow | null {
  if (row === null || (row.redriven !== null && row.redriven >= burial)) return row;
  return settleRedriven({ ...row, redriven: burial });
}

/** It lived again, and nothing tells how that ended: neither dead nor waiting. All that was kept of that is older than what is kept of finished jobs. */
function settleRedriven(row: JobRow): JobRow {
  const over = !row.told && row.state === 'dead' && row.reason !== 'held' && row.burial !== null && row.redriven !== null && row.burial <= row.redriven;
  return over ? { ...row, state: 'done', reason: null } : row;
}

/** A job whose last burial was given up is dead no more, in whatever order that became known; one that holds its lane is until its owner says so. */
function settleDiscard(row: JobRow | null): JobRow | null {
  if (row?.discarded == null || row.burial === null) return row;
  const last = row.timeline.at(-1);
  if (row.told && last?.type !== 'buried') return row;
  const over = row.burial <= row.discarded;
  if (over) return row.state === 'dead' ? { ...row, state: 'cancelled', reason: 'discarded' } : row;
  // Of one that nobody told of, its new dead letter says it.
  return row.told && row.state === 'cancelled' ? { ...row, state: 'dead', reason: last?.reason ?? null } : row;
}

function errorOf({ code, message }: { readonly code: string; readonly message: string }) {
  return { errorCode: code, errorMessage: message, fingerprint: fingerprintOf(code, message) };
}

function isSame(entry: TimelineEntry, fact: EventFact): boolean {
  return entry.at === fact.atMs && entry.type === fact.event && entry.attempt === fact.attempt && entry.epoch === fact.epoch && (entry.reason ?? null) === fact.reason;
}

function entryOf(n: number, { event, atMs, attempt, reason, dueMs, error, note, progress, worker, epoch }: EventFact): TimelineEntry {
  return {
    n, at: atMs, type: event, attempt,
    ...(reason === null ? {} : { reason }),
    ...(dueMs === null ? {} : { due: dueMs }),
    ...(error === null ? {} : { code: error.code, message: error.message }),
    ...(note === null ? {} : { note }),
    ...(progress === null ? {} : { progress }),
    worker, epoch,
  };
}

function append(timeline: readonly TimelineEntry[], entry: TimelineEntry): TimelineEntry[] {
  return timeline.length < KEPT_ENTRIES ? [...timeline, entry] : [...timeline.slice(0, KEPT_AT_START), ...timeline.slice(KEPT_AT_START + 1), entry];
}

function blank(partition: number, place: number, id: string, atMs: number): JobRow {
  return {
    partition, place, id, kind: null, key: null, state: 'queued', reason: null, dueMs: null, attempt: 0,
    createdMs: atMs, enqueuedMs: atMs, notBeforeMs: null, startedMs: null, finishedMs: null, changedMs: atMs,
    worker: null, errorCode: null, errorMessage: null, fingerprint: null, progress: null, note: null, result: null,
    source: null, valueBytes: null, payload: null, payloadFlaw: null, known: false, told: false, duplicate: false, burial: null, buriedMs: null, redriven: null, discarded: null, discardNote: null, entries: 0, timeline: [],
  };
}
