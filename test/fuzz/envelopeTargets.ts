import fc from 'fast-check';
import { packBody, unpackBody } from '../../shared/bodies/packBody.ts';
import { LONGEST_WAIT_MS } from '../../shared/jobs/duration.ts';
import { makeFailure } from '../../shared/jobs/failure.ts';
import {
  appliedRecord, buriedRecord, carryHeaders, commandRecord, findFlaws, goneRecord, headerBytes, headerNames, isJobId, leaseRecord, readBuriedRecord, readEnqueuedAtMs,
  readFailure, readJobId, readKind, readNotBeforeMs, readRetryRecord, readTrace, waitRecord, type CarriedJob, type RetryRecord,
} from '../../shared/kafka/envelope.ts';
import type { FetchedRecord, Headers, HeaderValue, OutgoingRecord } from '../../shared/kafka/port.ts';
import { mutationsOf } from './mutate.ts';
import { holdTo, type Target } from './target.ts';

const NOW = Date.UTC(2026, 0, 1);
const TOPIC = 'work';
const PARTITION = 3;
const MAX_FAILURE_BYTES = 2048 + 2 * 128;
const names = Object.values(headerNames);

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const failure = fc.record({ code: text, name: text, message: fc.string({ unit: 'binary', maxLength: 100 }), at: fc.nat() }).map(makeFailure);
const bytesOrNone = fc.option(fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)));
const own = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }).filter((name) => !names.includes(name as never)), fc.uint8Array({ maxLength: 20 }).map((bytes): HeaderValue => Buffer.from(bytes)), { maxKeys: 3, noNullPrototype: false });

const carried: fc.Arbitrary<CarriedJob> = fc.record({
  id: text.filter(isJobId), kind: fc.option(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,40}$/)),
  origin: fc.record({ topic: fc.constant(TOPIC), partition: fc.constant(PARTITION), offset: fc.maxSafeInteger().map(Math.abs), timestampMs: fc.integer() }),
  key: bytesOrNone, value: bytesOrNone, headers: own,
});
const waiting = fc.record({ attempt: fc.nat({ max: 1000 }), dueMs: fc.oneof(fc.constant(0), fc.integer({ min: NOW, max: NOW + LONGEST_WAIT_MS })), reason: fc.constantFrom('retry', 'snoozed', 'behind'), failure: fc.option(failure), firstFailure: fc.option(failure) });
const stamp = fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 40 }), seq: fc.nat() });

/** The same in all that JSON can say, whatever the order of fields. */
function isSame(one: object, other: object): boolean {
  const canonical = (value: object): string => JSON.stringify(value, (_, part: unknown) => (typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part));
  return canonical(one) === canonical(other);
}

/** As it comes from a broker: bytes everywhere. */
function fetched({ key, value, headers }: OutgoingRecord): FetchedRecord {
  const bytesOf = (one: Buffer | string): Buffer => (typeof one === 'string' ? Buffer.from(one) : one);
  const entries = Object.entries(headers ?? {}).flatMap(([name, one]): [string, HeaderValue][] => (one === undefined ? [] : [[name, Array.isArray(one) ? one.map(bytesOf) : bytesOf(one)]]));
  return { offset: 12, timestampMs: NOW, key: key === null ? null : bytesOf(key), value, headers: Object.fromEntries(entries) };
}

/** Any headers: ours and others, with anything in them, once or several times. */
const anyHeaders: fc.Arbitrary<Headers | undefined> = fc.option(fc.dictionary(
  fc.oneof(fc.constantFrom<string>(...names), fc.constantFrom('__proto__', 'constructor', 'toString', ''), fc.string({ maxLength: 6 })),
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)), fc.string({ unit: 'binary', maxLength: 40 }), fc.constant(Buffer.alloc(100_000, 0x39)), fc.constant(undefined),
    fc.constantFrom('-1', '1e9', 'NaN', '9007199254740993', `${TOPIC}/${PARTITION}/7/0`, 'lease', 'void', 'applied', 'redrive', '{"code":1}', '[]', 'null', '{"code":"a","name":"b","message":"c","at":1e999}').map((one) => Buffer.from(one)),
    fc.array(fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)), { maxLength: 3 }),
  ), { maxKeys: 12 },
), { nil: undefined });

/** A record that we wrote, with some headers, the key or the value changed. */
const changedRecord = (record: fc.Arbitrary<OutgoingRecord>): fc.Arbitrary<FetchedRecord> => record.map(fetched).chain((one) => {
  const entries = Object.entries(one.headers ?? {});
  const changed = fc.tuple(...entries.map(([name, value]) => fc.oneof(
    { weight: 6, arbitrary: fc.constant<[string, HeaderValue]>([name, value]) },
    { weight: 2, arbitrary: mutationsOf(Buffer.isBuffer(value) ? value : Buffer.alloc(0)).map((bytes): [string, HeaderValue] => [name, bytes]) },
    { weight: 1, arbitrary: fc.constant<[string, HeaderValue]>([name, undefined]) },
  )));
  return fc.record({
    offset: fc.constant(one.offset), timestampMs: fc.oneof(fc.constant(NOW), fc.maxSafeInteger()), headers: changed.map((list): Headers => Object.fromEntries(list)),
    key: fc.oneof(fc.constant(one.key), fc.constant(null), mutationsOf(one.key ?? Buffer.alloc(0))), value: fc.oneof(fc.constant(one.value), fc.constant(null), mutationsOf(one.value ?? Buffer.alloc(0))),
  });
});

const written = fc.oneof(
  fc.tuple(text, carried, waiting, stamp).map(([key, job, waits, at]) => waitRecord(key, job, waits, at)),
  fc.tuple(fc.constantFrom<'tombstone' | 'void'>('tombstone', 'void'), text, carried, stamp).map(([type, key, { origin }, at]) => goneRecord(type, key, origin, at)),
  fc.tuple(text, fc.nat(), text).map(([key, epoch, holder]) => leaseRecord(key, epoch, holder)),
  fc.tuple(text, fc.constantFrom<'redrive' | 'discard'>('redrive', 'discard'), carried, fc.option(failure)).map(([key, command, job, first]) => commandRecord(key, command, job, first)),
  fc.tuple(text, stamp).map(([key, at]) => appliedRecord(key, at)),
);
const burial = fc.record({ attempt: fc.nat(), reason: fc.constantFrom('dead', 'wire', 'attempts'), failure: fc.option(failure), firstFailure: fc.option(failure) });

function checkFailure(failed: { code: string; name: string; message: string; at: number } | null): void {
  if (failed !== null) holdTo('bytes of a failure', Buffer.byteLength(failed.code) + Buffer.byteLength(failed.name) + Buffer.byteLength(failed.message), MAX_FAILURE_BYTES);
}

function checkJob({ id, kind, origin }: Pick<CarriedJob, 'id' | 'kind' | 'origin'>): void {
  if (!isJobId(id)) throw new Error(`no job id: ${JSON.stringify(id)}`);
  holdTo('bytes of a kind', Buffer.byteLength(kind ?? ''), 256);
  if (![origin.partition, origin.offset, origin.timestampMs].every(Number.isSafeInteger) || origin.offset < 0) throw new Error(`no origin: ${JSON.stringify(origin)}`);
}

function checkRetryRecord(read: RetryRecord): void {
  if ('epoch' in read && !(Number.isSafeInteger(read.epoch) && read.epoch >= 0 && read.epoch <= 2 ** 48)) throw new Error(`no epoch: ${read.epoch}`);
  if ('job' in read) checkJob(read.job);
  if ('origin' in read || 'job' in read) {
    const origin = 'job' in read ? read.job.origin : read.origin;
    // A mark may be about no job.
    if (origin !== null && (origin.topic !== TOPIC || origin.partition !== PARTITION)) throw new Error('a record speaks of another queue or partition');
  }
  if (read.type !== 'wait') return;
  const { attempt, dueMs } = read.waiting;
  if (!Number.isSafeInteger(attempt) || attempt < 0 || attempt > 1_000_000) throw new Error(`no attempt: ${attempt}`);
  if (!Number.isSafeInteger(dueMs) || dueMs < 0 || dueMs > NOW + LONGEST_WAIT_MS) throw new Error(`no due time: ${dueMs}`);
  checkFailure(read.waiting.failure);
  checkFailure(read.waiting.firstFailure);
}

const headers: Target = {
  name: 'headers',
  property: fc.property(anyHeaders, fc.maxSafeInteger(), (given, timestampMs) => {
    const origin = { topic: TOPIC, partition: PARTITION, offset: 5, timestampMs };
    const [id, kind] = [readJobId(given, TOPIC, PARTITION, 5), readKind(given)];
    checkJob({ id, kind, origin });
    const notBefore = readNotBeforeMs(given, NOW);
    if (notBefore !== null) holdTo('not before', notBefore, NOW + LONGEST_WAIT_MS);
    if (Number.isNaN(readEnqueuedAtMs(given, 0))) throw new Error('a time that is none');
    const trace = readTrace(given);
    if (trace !== null) holdTo('length of a trace', trace.traceparent.length + (trace.tracestate?.length ?? 0), 2048);
    findFlaws(given);
    checkFailure(readFailure(given, headerNames.error));
    const carries = carryHeaders(given, id, kind, origin);
    const owner = { id, kind: kind ?? '' };
    // A header that is there has a value, as far as brokers are concerned.
    const told = given === undefined ? undefined : Object.fromEntries(Object.entries(given).filter(([, value]) => !Array.isArray(value) || value.length > 0));
    const kept = unpackBody(packBody({ value: null, headers: told }, owner).text(), owner);
    if (headerBytes(carryHeaders(kept.headers, id, kind, origin)) !== headerBytes(carryHeaders(told, id, kind, origin))) throw new Error('headers that are kept are not those that were given');
    holdTo('bytes of carried headers', headerBytes(carries), headerBytes(given) + 1000 + TOPIC.length + Buffer.byteLength(id) + Buffer.byteLength(kind ?? ''));
    if (readJobId(carries, 'other', 9, 9) !== id) throw new Error('a carried id changed');
  }),
};

const retryRecords: Target = {
  name: 'retry-topic records',
  property: fc.property(changedRecord(written), anyHeaders, (record, others) => {
    checkRetryRecord(readRetryRecord(record, TOPIC, PARTITION, NOW));
    checkRetryRecord(readRetryRecord({ ...record, headers: others }, TOPIC, PARTITION, NOW));
    checkRetryRecord(readRetryRecord({ ...record, headers: { ...record.headers, ...others } }, TOPIC, PARTITION, NOW));
  }),
};

const waitRoundTrip: Target = {
  name: 'waiting records, there and back',
  property: fc.property(text.filter((key) => !key.startsWith('\u0000')), carried, waiting, stamp, (key, job, waits, at) => {
    const read = readRetryRecord(fetched(waitRecord(key, job, waits, at)), TOPIC, PARTITION, NOW);
    const { headers: _, ...place } = job;
    const wanted = { type: 'wait', key, ...at, waiting: waits };
    if (read.type !== 'wait') throw new Error(`read as ${read.type}`);
    const { job: { headers: __, ...back }, ...rest } = read;
    if (!isSame(rest, wanted) || !isSame(back, place)) throw new Error(`came back as ${JSON.stringify(read)}`);
  }),
};

const deadLetters: Target = {
  name: 'dead letters',
  property: fc.property(carried, burial, (job, buried) => {
    const read = readBuriedRecord(fetched(buriedRecord(job, buried)));
    if (read === null) throw new Error('a dead letter of ours cannot be read');
    const [{ headers: _, ...wanted }, { headers: __, ...back }] = [job, read.job];
    if (!isSame(back, wanted) || !isSame(read.burial, buried)) throw new Error(`came back as ${JSON.stringify(read)}`);
  }),
};

const changedDeadLetters: Target = {
  name: 'changed dead letters',
  property: fc.property(changedRecord(fc.tuple(carried, burial).map(([job, buried]) => buriedRecord(job, buried))), (record) => {
    const read = readBuriedRecord(record);
    if (read === null) return;
    checkJob(read.job);
    checkFailure(read.burial.failure);
    holdTo('length of a reason', read.burial.reason.length, 64);
  }),
};

export const envelopeTargets: readonly Target[] = [headers, retryRecords, waitRoundTrip, deadLetters, changedDeadLetters];
