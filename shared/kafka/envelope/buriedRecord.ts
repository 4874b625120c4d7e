import type { Failure } from '../../jobs/failure.ts';
import type { FetchedRecord, OutgoingRecord } from '../port.ts';
import { carryHeaders } from './carriedHeaders.ts';
import { formatFailure, readFailure } from './failureHeader.ts';
import { headerNames } from './headerNames.ts';
import { readJobId, readKind } from './jobHeaders.ts';
import { formatOrigin, parseOrigin } from './origin.ts';
import { readInteger, readRaw, readText } from './readHeader.ts';
import { formatRedriven, readRedriven } from './redriven.ts';
import type { CarriedJob } from './retryRecord.ts';

/** Why and how a job was buried. */
export interface Burial {
  /** Attempts made. */
  readonly attempt: number;
  /** A `BuryReason`; when read, a later version may know more. */
  readonly reason: string;
  readonly failure: Failure | null;
  readonly firstFailure: Failure | null;
  /**
   * Which burial the job's last redrive had answered then, by its offset in the dead-letter topic; -1: it had never been redriven. Two letters that
   * say the same are of one burial: its owner was killed between the first and its settling.
   */
  readonly redriven?: number;
}

/** The record that buries a job: its bytes untouched, and beside them where it comes from, why, and its first and last failure. */
export function buriedRecord(job: CarriedJob, burial: Burial): OutgoingRecord {
  const headers = carryHeaders(job.headers, job.id, job.kind, job.origin);
  headers[headerNames.origin] = formatOrigin(job.origin);
  headers[headerNames.attempt] = String(burial.attempt);
  headers[headerNames.reason] = burial.reason;
  if (burial.redriven !== undefined) headers[headerNames.redriven] = formatRedriven(burial.redriven);
  if (job.key !== null) headers[headerNames.partitionKey] = job.key;
  if (burial.failure !== null) headers[headerNames.error] = formatFailure(burial.failure);
  if (burial.firstFailure !== null) headers[headerNames.firstError] = formatFailure(burial.firstFailure);
  return { key: job.id, value: job.value, headers };
}

/** Reads a record of the dead-letter topic; null where it does not say where it comes from, so that it cannot be sent back. */
export function readBuriedRecord(record: FetchedRecord): { readonly job: CarriedJob; readonly burial: Burial } | null {
  const { headers } = record;
  const redriven = readRedriven(headers);
  const origin = parseOrigin(readText(headers, headerNames.origin, 300));
  if (origin === null) return null;
  const key = readRaw(headers, headerNames.partitionKey);
  return {
    job: {
      id: readJobId(headers, origin.topic, origin.partition, origin.offset),
      kind: readKind(headers),
      origin,
      key: typeof key === 'string' ? Buffer.from(key) : key,
      value: record.value,
      headers,
    },
    burial: {
      attempt: readInteger(headers, headerNames.attempt) ?? 0,
      reason: readText(headers, headerNames.reason, 64) ?? 'dead',
      failure: readFailure(headers, headerNames.error),
      firstFailure: readFailure(headers, headerNames.firstError),
      ...(redriven === null ? {} : { redriven }),
    },
  };
}
