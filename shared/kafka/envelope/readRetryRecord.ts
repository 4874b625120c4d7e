import { MAX_EPOCH } from '../../jobs/maxEpoch.ts';
import type { Failure } from '../../jobs/failure.ts';
import type { CarriedHeaders } from '../packedHeaders.ts';
import type { FetchedRecord } from '../port.ts';
import { readFailure } from './failureHeader.ts';
import { headerNames } from './headerNames.ts';
import { MAX_DELAY_MS, MAX_ID_BYTES, readJobId, readKind } from './jobHeaders.ts';
import { parseOrigin, readUsualOrigin, type Origin } from './origin.ts';
import { isPlain, readInteger, readRaw, readText } from './readHeader.ts';
import { readRedriven } from './redriven.ts';
import { CONTROL_KEY, MAX_NOTE_BYTES, type CarriedJob, type JobCommand, type MarkReason, type Waiting, type WriteStamp } from './retryRecord.ts';

/** More attempts than any policy allows: a higher number is forged. */
const MAX_ATTEMPTS = 1_000_000;
const MAX_ORIGIN_BYTES = 300;
const MAX_SEQUENCE = 1e15 - 1;

/** What a record of the retry topic says; `key` without its control mark. `foreign`: nothing that counts, it was not written by us. */
export type RetryRecord =
  | ({ readonly type: 'wait'; readonly key: string; readonly job: CarriedJob<CarriedHeaders>; readonly waiting: Waiting } & WriteStamp)
  | ({ readonly type: 'tombstone' | 'void'; readonly key: string; readonly origin: Origin } & WriteStamp)
  | { readonly type: 'lease'; readonly key: string; readonly epoch: number; readonly holder: string }
  | { readonly type: 'command'; readonly key: string; readonly command: JobCommand; readonly job: CarriedJob<CarriedHeaders>; readonly firstFailure: Failure | null; readonly note: string | null; readonly redriven: number | null }
  | { readonly type: 'pause'; readonly key: string; readonly on: boolean; readonly scope: string }
  | ({ readonly type: 'mark'; readonly key: string; readonly untilMs: number; readonly origin: Origin | null } & WriteStamp)
  | ({ readonly type: 'applied'; readonly key: string } & WriteStamp)
  /** `control`: its key has the control mark. */
  | { readonly type: 'foreign'; readonly key: string; readonly control: boolean; readonly flaw: string };

/**
 * Reads a record of partition `partition` of the retry topic whose main topic is `topic`; `now` is epoch ms. A record that names another
 * origin is foreign: a forged one can neither escape to another queue nor loop.
 */
export function readRetryRecord(record: FetchedRecord, topic: string, partition: number, now: number): RetryRecord {
  const headers = record.packedHeaders ?? record.headers;
  const key = record.key?.toString() ?? '';
  if (key.startsWith(CONTROL_KEY)) return readControlRecord(record, key.slice(CONTROL_KEY.length), topic, partition);
  const foreign = (flaw: string): RetryRecord => ({ type: 'foreign', key, control: false, flaw });
  if (key === '') return foreign('key');
  const epoch = readInteger(headers, headerNames.epoch, MAX_EPOCH);
  // Before the first lease nobody's word counts.
  if (epoch === null || epoch === 0) return foreign(headerNames.epoch);
  const seq = readInteger(headers, headerNames.sequence, MAX_SEQUENCE);
  if (seq === null) return foreign(headerNames.sequence);
  const origin = readOriginAt(headers, topic, partition);
  if (origin === null) return foreign(headerNames.origin);
  const reason = readReason(headers);
  if (record.value === null) return { type: reason === 'void' ? 'void' : 'tombstone', key, epoch, seq, origin };
  const due = readInteger(headers, headerNames.due);
  const waiting: Waiting = {
    // An unusable count starts anew: so a forged one can neither bury a job early nor keep it for ever.
    attempt: readInteger(headers, headerNames.attempt, MAX_ATTEMPTS) ?? 0,
    dueMs: due === null ? 0 : Math.min(due, now + MAX_DELAY_MS),
    reason: reason ?? 'retry',
    ...readFailures(headers),
  };
  return { type: 'wait', key, epoch, seq, job: readCarriedJob(headers, record.value, origin, key), waiting };
}

function readControlRecord(record: FetchedRecord, key: string, topic: string, partition: number): RetryRecord {
  const { value } = record;
  const headers = record.packedHeaders ?? record.headers;
  const foreign = (flaw: string): RetryRecord => ({ type: 'foreign', key, control: true, flaw });
  const reason = readText(headers, headerNames.reason, 64);
  const epoch = readInteger(headers, headerNames.epoch, MAX_EPOCH);
  if (reason === 'lease') {
    return epoch === null || epoch === 0 || value === null ? foreign('lease') : { type: 'lease', key, epoch, holder: value.toString() };
  }
  if (reason !== null && isMarkReason(reason)) {
    const seq = readInteger(headers, headerNames.sequence, MAX_SEQUENCE);
    if (epoch === null || epoch === 0 || seq === null) return foreign(reason);
    if (value === null) return { type: 'applied', key, epoch, seq };
    return { type: 'mark', key, epoch, seq, untilMs: readInteger(headers, headerNames.due) ?? 0, origin: readOriginAt(headers, topic, partition) };
  }
  const command = readText(headers, headerNames.command, 64);
  if (command === null || value === null) return foreign(headerNames.command);
  if (command === 'pause' || command === 'resume') return { type: 'pause', key, on: command === 'pause', scope: value.toString() };
  if (!isJobCommand(command)) return foreign(headerNames.command);
  const origin = readOriginAt(headers, topic, partition);
  if (origin === null) return foreign(headerNames.origin);
  return { type: 'command', key, command, job: readCarriedJob(headers, value, origin, null), firstFailure: readFailure(headers, headerNames.firstError), note: readText(headers, headerNames.note, MAX_NOTE_BYTES), redriven: readRedriven(headers) };
}

const markReasons: ReadonlySet<string> = new Set<MarkReason>(['applied', 'paused', 'seen']);
const jobCommands: ReadonlySet<string> = new Set<JobCommand>(['redrive', 'discard', 'cancel', 'run-now']);

function isMarkReason(reason: string): reason is MarkReason {
  return markReasons.has(reason);
}

function isJobCommand(command: string): command is JobCommand {
  return jobCommands.has(command);
}

function readOriginAt(headers: CarriedHeaders, topic: string, partition: number): Origin | null {
  const raw = readRaw(headers, headerNames.origin);
  const usual = raw instanceof Buffer ? readUsualOrigin(raw, topic, partition) : null;
  if (usual !== null) return usual;
  const origin = parseOrigin(readText(headers, headerNames.origin, MAX_ORIGIN_BYTES));
  return origin?.topic === topic && origin.partition === partition ? origin : null;
}

/** @param recordKey the record's key as text, which mostly is the id */
function readCarriedJob(headers: CarriedHeaders, value: Buffer, origin: Origin, recordKey: string | null): CarriedJob<CarriedHeaders> {
  const key = readRaw(headers, headerNames.partitionKey);
  return {
    id: recordKey !== null && recordKey.length <= MAX_ID_BYTES && isPlain(readRaw(headers, headerNames.id), recordKey) ? recordKey : readJobId(headers, origin.topic, origin.partition, origin.offset),
    kind: readKind(headers),
    origin,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value: value.length === 0 && readRaw(headers, headerNames.nullValue) !== null ? null : value,
    headers,
  };
}

/** In the order of their frequency. */
const usualReasons = ['behind', 'scheduled', 'retry', 'snoozed', 'held'];

function readReason(headers: CarriedHeaders): string | null {
  const raw = readRaw(headers, headerNames.reason);
  for (const reason of usualReasons) if (isPlain(raw, reason)) return reason;
  return readText(headers, headerNames.reason, 64);
}

const NO_FAILURES = { failure: null, firstFailure: null };

/** One object for both while they are the same: most jobs that wait have failed once. */
function readFailures(headers: CarriedHeaders): Pick<Waiting, 'failure' | 'firstFailure'> {
  const [last, first] = [readRaw(headers, headerNames.error), readRaw(headers, headerNames.firstError)];
  if (last === null && first === null) return NO_FAILURES;
  const failure = readFailure(headers, headerNames.error);
  const isSame = last instanceof Buffer && first instanceof Buffer && last.equals(first);
  return { failure, firstFailure: isSame ? failure : readFailure(headers, headerNames.firstError) };
}
