import type { Failure } from '../../jobs/failure.ts';
import type { CarriedHeaders } from '../packedHeaders.ts';
import type { Headers, HeaderValue, OutgoingRecord } from '../port.ts';
import { carryHeaders } from './carriedHeaders.ts';
import { formatFailure } from './failureHeader.ts';
import { headerNames } from './headerNames.ts';
import { formatOrigin, type Origin } from './origin.ts';
import { formatRedriven } from './redriven.ts';

/** A job as it goes from topic to topic: its bytes, its headers, its place. */
export interface CarriedJob<H extends CarriedHeaders = Headers | undefined> {
  readonly id: string;
  /** Null: the record says none, and nobody resolved it yet. */
  readonly kind: string | null;
  readonly origin: Origin;
  /** The main record's key and value, byte for byte. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** All headers of the record that it was read from. */
  readonly headers: H;
}

/** Which write of which reign it is: tells a late or doubled write from a new one. */
export interface WriteStamp {
  readonly epoch: number;
  readonly seq: number;
}

/** How a job waits. */
export interface Waiting {
  /** Attempts made. */
  readonly attempt: number;
  /** Epoch ms; 0: no time is known. */
  readonly dueMs: number;
  readonly reason: string;
  readonly failure: Failure | null;
  readonly firstFailure: Failure | null;
}

/*
 * Keys: those of jobs are the caller's to choose, one for each main record. Those of leases, commands and their answers get a NUL in front,
 * which no job id has, so that no producer can pick an id that makes compaction erase a lease.
 */
export const CONTROL_KEY = '\u0000';

/** This job waits. */
export function waitRecord(key: string, job: CarriedJob<CarriedHeaders>, waiting: Waiting, stamp: WriteStamp): OutgoingRecord {
  const headers = stampHeaders(jobCopyHeaders(job), stamp);
  headers[headerNames.attempt] = String(waiting.attempt);
  headers[headerNames.reason] = waiting.reason;
  if (waiting.dueMs > 0) headers[headerNames.due] = String(Math.ceil(waiting.dueMs));
  if (waiting.failure !== null) headers[headerNames.error] = formatFailure(waiting.failure);
  if (waiting.firstFailure !== null) headers[headerNames.firstError] = formatFailure(waiting.firstFailure);
  return { key, value: job.value ?? Buffer.alloc(0), headers };
}

/**
 * About the job at `origin`. `tombstone`: it waits no more, it is settled. `void`: what a zombie wrote about it is cancelled, which says
 * nothing of settled, for its main record is yet to come.
 */
export function goneRecord(type: 'tombstone' | 'void', key: string, origin: Origin, stamp: WriteStamp): OutgoingRecord {
  const headers = stampHeaders({ [headerNames.origin]: formatOrigin(origin) }, stamp);
  if (type === 'void') headers[headerNames.reason] = 'void';
  return { key, value: null, headers };
}

/** From here on, records of lower epochs count for nothing. `key` differs from epoch to epoch, so that compaction keeps every lease. */
export function leaseRecord(key: string, epoch: number, holder: string): OutgoingRecord {
  const headers = { [headerNames.epoch]: String(epoch), [headerNames.reason]: 'lease' };
  return { key: CONTROL_KEY + key, value: Buffer.from(holder), headers };
}

/** What an operator may wish of one job. */
export type JobCommand = 'redrive' | 'discard' | 'cancel' | 'run-now';

/** A longer note is cut. */
export const MAX_NOTE_BYTES = 1024;

/** What a command says besides. */
export interface CommandWords {
  /** Why. */
  readonly note?: string;
  /** On a redrive: as the letter that it answers says it, see `Burial.redriven`. */
  readonly redriven?: number | undefined;
}

/**
 * An operator's wish about one job; anybody may write it. It stands until {@link appliedRecord} or {@link markRecord} answers under its key. The value
 * is the one to run with where the command is `redrive`; elsewhere it says nothing.
 */
export function commandRecord(key: string, command: JobCommand, job: CarriedJob<CarriedHeaders>, firstFailure: Failure | null, { note, redriven }: CommandWords = {}): OutgoingRecord {
  const headers = jobCopyHeaders(job);
  headers[headerNames.command] = command;
  if (redriven !== undefined) headers[headerNames.redriven] = formatRedriven(redriven);
  if (note !== undefined) headers[headerNames.note] = cleanNote(note);
  if (firstFailure !== null) headers[headerNames.firstError] = formatFailure(firstFailure);
  return { key: CONTROL_KEY + key, value: job.value ?? Buffer.alloc(0), headers };
}

/** One line of readable text: what a header can be. A character that the cut parts would be read as U+FFFD: it goes with the rest. */
function cleanNote(note: string): string {
  return Buffer.from(note.replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ').trim()).subarray(0, MAX_NOTE_BYTES).toString().replace(/\ufffd$/, '');
}

/** A discard's key names the burial that it is about; `id` tells it from others about the same. */
export function discardKey(mainOffset: number, deadLetterOffset: number, id: string): string {
  return `discard/${mainOffset}/${deadLetterOffset}/${id}`;
}

/** The burial that a discard's key names: its offset in the dead-letter topic; null where it names none. */
export function parseDiscardKey(key: string): number | null {
  const match = /^discard\/[0-9]{1,15}\/([0-9]{1,15})\//.exec(key);
  return match === null ? null : Number(match[1]);
}

/** An operator's wish that nothing of `scope` starts, or that it starts again; `scope` as `formatScope` writes it. Stands as {@link commandRecord}. */
export function pauseRecord(key: string, command: 'pause' | 'resume', scope: string): OutgoingRecord {
  return { key: CONTROL_KEY + key, value: Buffer.from(scope), headers: { [headerNames.command]: command } };
}

/**
 * What an owner must not forget though no job waits for it. `applied`: that redrive was carried out; `paused`: nothing of that scope starts; `seen`: that
 * id ran, as the job at `origin`.
 */
export type MarkReason = 'applied' | 'paused' | 'seen';

/** A mark stands until {@link appliedRecord} comes under its key. @param untilMs epoch ms from which it says nothing any more; 0: it always does */
export function markRecord(key: string, reason: MarkReason, untilMs: number, origin: Origin | null, stamp: WriteStamp): OutgoingRecord {
  const headers = stampHeaders({ [headerNames.reason]: reason }, stamp);
  if (untilMs > 0) headers[headerNames.due] = String(Math.ceil(untilMs));
  if (origin !== null) headers[headerNames.origin] = formatOrigin(origin);
  return { key: CONTROL_KEY + key, value: Buffer.from('1'), headers };
}

/** The command under this key was carried out, or the mark under it is gone. */
export function appliedRecord(key: string, stamp: WriteStamp): OutgoingRecord {
  return { key: CONTROL_KEY + key, value: null, headers: stampHeaders({ [headerNames.reason]: 'applied' }, stamp) };
}

function jobCopyHeaders(job: CarriedJob<CarriedHeaders>): Record<string, HeaderValue> {
  const headers = carryHeaders(job.headers, job.id, job.kind, job.origin);
  headers[headerNames.origin] = formatOrigin(job.origin);
  if (job.key !== null) headers[headerNames.partitionKey] = job.key;
  // Compaction would take a null value for a tombstone and forget the job.
  if (job.value === null) headers[headerNames.nullValue] = '1';
  return headers;
}

function stampHeaders(headers: Record<string, HeaderValue>, stamp: WriteStamp): Record<string, HeaderValue> {
  headers[headerNames.epoch] = String(stamp.epoch);
  headers[headerNames.sequence] = String(stamp.seq);
  return headers;
}
