import type { Failure } from '../../jobs/outcome.ts';
import type { FetchedRecord, Headers, HeaderValue, OutgoingRecord } from '../port.ts';
import { carryHeaders } from './carriedHeaders.ts';
import { formatFailure, readFailure } from './failureHeader.ts';
import { headerNames } from './headerNames.ts';
import { MAX_DELAY_MS, MAX_ID_BYTES, readKind } from './jobHeaders.ts';
import { formatOrigin, parseOrigin, type Origin } from './origin.ts';
import { readInteger, readRaw, readText } from './readHeader.ts';

/** More attempts than any policy allows: a higher number is forged. */
const MAX_ATTEMPTS = 1_000_000;

/** Which write of which reign it is. */
export interface WriteStamp {
  readonly epoch: number;
  readonly sequence: number;
}

/** A job that waits, as the retry topic holds it. */
export interface WaitingJob {
  readonly id: string;
  readonly kind: string | null;
  readonly origin: Origin;
  /** The main record's key and value, byte for byte. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Attempts made. */
  readonly attempt: number;
  /** Epoch ms; null: no time is known. */
  readonly dueMs: number | null;
  readonly reason: string;
  readonly error: Failure | null;
  readonly firstError: Failure | null;
  /** All headers of the record: pass them back when the job is written again. */
  readonly headers: Headers | undefined;
}

/** What a record of the retry topic says. `foreign`: nothing that counts, because it is not of our making or not whole. */
export type RetryRecord =
  | ({ readonly type: 'waiting' } & WriteStamp & WaitingJob)
  | ({ readonly type: 'tombstone' | 'void'; readonly id: string; readonly origin: Origin } & WriteStamp)
  | { readonly type: 'lease'; readonly epoch: number; readonly workerId: string }
  | { readonly type: 'foreign'; readonly flaw: string };

/** No job id starts so: ids have no control characters. */
const LEASE_KEY_START = '\u0000lease/';

/**
 * The key under which the retry topic is compacted: the job's id and its offset in the main partition of the same number. The id alone
 * would not do: producers choose ids, and two records of one id (a doubled enqueue, a forged header) would erase each other.
 */
export function retryKey(id: string, origin: Origin): string {
  return `${id}@${origin.offset}`;
}

/** This job waits. */
export function waitingRecord(job: WaitingJob, stamp: WriteStamp): OutgoingRecord {
  const headers = stampedHeaders(carryHeaders(job.headers, job.id, job.kind, job.origin), job.origin, stamp);
  headers[headerNames.attempt] = String(job.attempt);
  headers[headerNames.reason] = job.reason;
  if (job.key !== null) headers[headerNames.partitionKey] = job.key;
  if (job.dueMs !== null) headers[headerNames.due] = String(Math.ceil(job.dueMs));
  if (job.error !== null) headers[headerNames.error] = formatFailure(job.error);
  if (job.firstError !== null) headers[headerNames.firstError] = formatFailure(job.firstError);
  // Compaction would take a null value for a tombstone and forget the job.
  if (job.value === null) headers[headerNames.nullValue] = '1';
  return { key: retryKey(job.id, job.origin), value: job.value ?? Buffer.alloc(0), headers };
}

/** This job waits no more: it is settled. */
export function tombstoneRecord(id: string, origin: Origin, stamp: WriteStamp): OutgoingRecord {
  return { key: retryKey(id, origin), value: null, headers: stampedHeaders({ [headerNames.id]: id }, origin, stamp) };
}

/** Cancels what a zombie wrote about this job, and says nothing of settled: its main record is yet to come. */
export function voidRecord(id: string, origin: Origin, stamp: WriteStamp): OutgoingRecord {
  const headers = stampedHeaders({ [headerNames.id]: id, [headerNames.reason]: 'void' }, origin, stamp);
  return { key: retryKey(id, origin), value: null, headers };
}

/** From here on, records of lower epochs count for nothing. Each epoch has a key of its own, so that compaction keeps them all. */
export function leaseRecord(epoch: number, workerId: string): OutgoingRecord {
  return {
    key: `${LEASE_KEY_START}${epoch}`,
    value: Buffer.from(workerId),
    headers: { [headerNames.epoch]: String(epoch), [headerNames.reason]: 'lease' },
  };
}

/**
 * Reads a record of partition `partition` of the retry topic whose main topic is `topic`. A record that names another origin is foreign:
 * a forged one can neither escape to another queue nor loop.
 */
export function readRetryRecord(record: FetchedRecord, topic: string, partition: number, now: number): RetryRecord {
  const { headers } = record;
  const epoch = readInteger(headers, headerNames.epoch);
  if (epoch === null) return { type: 'foreign', flaw: headerNames.epoch };
  if (record.key?.[0] === 0) return readLease(record, epoch);
  const sequence = readInteger(headers, headerNames.sequence);
  if (sequence === null) return { type: 'foreign', flaw: headerNames.sequence };
  const origin = parseOrigin(readText(headers, headerNames.origin, 300));
  if (origin === null || origin.topic !== topic || origin.partition !== partition) return { type: 'foreign', flaw: headerNames.origin };
  const id = readText(headers, headerNames.id, MAX_ID_BYTES);
  if (id === null || record.key?.toString() !== retryKey(id, origin)) return { type: 'foreign', flaw: headerNames.id };
  const reason = readText(headers, headerNames.reason, 64);
  if (record.value === null) return { type: reason === 'void' ? 'void' : 'tombstone', epoch, sequence, id, origin };
  const due = readInteger(headers, headerNames.due);
  const key = readRaw(headers, headerNames.partitionKey);
  return {
    type: 'waiting',
    epoch,
    sequence,
    id,
    kind: readKind(headers),
    origin,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value: record.value.length === 0 && readRaw(headers, headerNames.nullValue) !== null ? null : record.value,
    // An unusable count starts anew: so a forged one can neither bury a job early nor keep it for ever.
    attempt: readInteger(headers, headerNames.attempt, MAX_ATTEMPTS) ?? 0,
    dueMs: due === null ? null : Math.min(due, now + MAX_DELAY_MS),
    reason: reason ?? 'retry',
    error: readFailure(headers, headerNames.error),
    firstError: readFailure(headers, headerNames.firstError),
    headers,
  };
}

function readLease(record: FetchedRecord, epoch: number): RetryRecord {
  const sound = record.key?.toString() === `${LEASE_KEY_START}${epoch}` && record.value !== null && epoch > 0;
  return sound ? { type: 'lease', epoch, workerId: record.value.toString() } : { type: 'foreign', flaw: 'lease' };
}

function stampedHeaders(headers: Record<string, HeaderValue>, origin: Origin, stamp: WriteStamp): Record<string, HeaderValue> {
  headers[headerNames.origin] = formatOrigin(origin);
  headers[headerNames.epoch] = String(stamp.epoch);
  headers[headerNames.sequence] = String(stamp.sequence);
  return headers;
}
