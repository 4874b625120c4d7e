import type { BuryReason, Failure } from '../../jobs/outcome.ts';
import type { FetchedRecord, Headers, OutgoingRecord } from '../port.ts';
import { carryHeaders } from './carriedHeaders.ts';
import { formatFailure, readFailure } from './failureHeader.ts';
import { headerNames } from './headerNames.ts';
import { readJobId, readKind } from './jobHeaders.ts';
import { formatOrigin, parseOrigin, type Origin } from './origin.ts';
import { readInteger, readRaw, readText } from './readHeader.ts';

/** A job in the dead-letter topic. */
export interface BuriedJob {
  readonly id: string;
  readonly kind: string | null;
  readonly origin: Origin;
  /** The main record's key and value, byte for byte. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Attempts made. */
  readonly attempt: number;
  readonly reason: BuryReason;
  readonly error: Failure | null;
  readonly firstError: Failure | null;
  readonly headers: Headers | undefined;
}

/** The record that buries a job: its bytes untouched, and beside them where it comes from, why, and its first and last failure. */
export function buriedRecord(job: BuriedJob): OutgoingRecord {
  const headers = carryHeaders(job.headers, job.id, job.kind, job.origin);
  headers[headerNames.origin] = formatOrigin(job.origin);
  headers[headerNames.attempt] = String(job.attempt);
  headers[headerNames.reason] = job.reason;
  if (job.key !== null) headers[headerNames.partitionKey] = job.key;
  if (job.error !== null) headers[headerNames.error] = formatFailure(job.error);
  if (job.firstError !== null) headers[headerNames.firstError] = formatFailure(job.firstError);
  return { key: job.id, value: job.value, headers };
}

/** As {@link BuriedJob}, with the reason as text: a later version may know more reasons. */
export type ReadBuriedJob = Omit<BuriedJob, 'reason'> & { readonly reason: string };

/** Reads a record of the dead-letter topic; null where it does not say where it comes from, so that it cannot be sent back. */
export function readBuriedRecord(record: FetchedRecord): ReadBuriedJob | null {
  const { headers } = record;
  const origin = parseOrigin(readText(headers, headerNames.origin, 300));
  if (origin === null) return null;
  const key = readRaw(headers, headerNames.partitionKey);
  return {
    id: readJobId(headers, origin.topic, origin.partition, origin.offset),
    kind: readKind(headers),
    origin,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value: record.value,
    attempt: readInteger(headers, headerNames.attempt) ?? 0,
    reason: readText(headers, headerNames.reason, 64) ?? 'dead',
    error: readFailure(headers, headerNames.error),
    firstError: readFailure(headers, headerNames.firstError),
    headers,
  };
}
