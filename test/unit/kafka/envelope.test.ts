import fc from 'fast-check';
import { formatScope, parseScope, type Scope } from '../../../shared/jobs/scope.ts';
import { describe, expect, it } from 'vitest';
import {
  MAX_DELAY_MS, MAX_NOTE_BYTES, appliedRecord, discardKey, parseDiscardKey, markRecord, pauseRecord, buriedRecord, carryHeaders, commandRecord, findFlaws, formatOrigin, goneRecord, headerBytes, jobHeaders,
  leaseRecord, parseOrigin, readBuriedRecord, readEnqueuedAtMs, readJobId, readKind, readNotBeforeMs, readRetryRecord, readTrace, waitRecord,
  type CarriedJob, type Origin, type Waiting,
} from '../../../shared/kafka/envelope.ts';
import { unpackHeaders } from '../../../shared/kafka/packedHeaders.ts';
import type { FetchedRecord, Headers, OutgoingRecord } from '../../../shared/kafka/port.ts';

const now = 1_790_000_000_000;
const origin: Origin = { topic: 'orders', partition: 3, offset: 42, timestampMs: now - 5 };
const stamp = { epoch: 7, seq: 19 };
const failure = { code: 'ECONNREFUSED', name: 'TypeError', message: 'fetch failed: é', at: now };

/** What a broker makes of a record: every header value becomes bytes. */
function throughBroker(record: OutgoingRecord): FetchedRecord {
  const bytes = (value: Buffer | string): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);
  const headers = Object.fromEntries(
    Object.entries(record.headers ?? {}).map(([name, value]) => [name, value === undefined ? undefined : Array.isArray(value) ? value.map(bytes) : bytes(value)]),
  );
  return { offset: 1, timestampMs: now, key: record.key === null ? null : bytes(record.key), value: record.value, headers };
}

const job: CarriedJob = {
  id: 'job-1', kind: 'order.charge', origin, key: Buffer.from([0xff, 0x00]), value: Buffer.from('bytes'),
  headers: { ...jobHeaders({ id: 'job-1', kind: 'order.charge', source: '/test', time: '2026-01-02T03:04:05Z' }), tenant: Buffer.from([0xfe]) },
};
const waiting: Waiting = { attempt: 2, dueMs: now + 1000, reason: 'retry', failure, firstFailure: { ...failure, code: 'FIRST' } };
const anyHeaders: unknown = expect.anything();

const readBack = (record: OutgoingRecord) => readRetryRecord(throughBroker(record), 'orders', 3, now);

describe('a discard', () => {
  it('carries the burial that it is about, and why, in one readable line of bounded length', () => {
    const read = readBack(commandRecord(discardKey(42, 7, 'u'), 'discard', job, null, { note: `asked by Ada:\n wrong ${'é'.repeat(600)}` }));
    if (read.type !== 'command') throw new Error(read.type);
    expect(parseDiscardKey(read.key)).toBe(7);
    expect(read.note).toMatch(/^asked by Ada: {2}wrong é+$/);
    expect(Buffer.byteLength(read.note ?? '')).toBeGreaterThan(MAX_NOTE_BYTES - 3);
    expect(Buffer.byteLength(read.note ?? '')).toBeLessThanOrEqual(MAX_NOTE_BYTES);
    expect(parseDiscardKey('discard/42/7f0e')).toBeNull();
  });
});

describe('a main record', () => {
  it('gives back what the client wrote', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { headers } = throughBroker({
      key: null, value: null,
      headers: jobHeaders({ id: 'i', kind: 'k', source: '/s', time: '2026-01-02T03:04:05.678Z', notBeforeMs: now + 5, traceparent, tracestate: 'a=b' }),
    });
    expect(readJobId(headers, 't', 0, 0)).toBe('i');
    expect(readKind(headers)).toBe('k');
    expect(readNotBeforeMs(headers, now)).toBe(now + 5);
    expect(readEnqueuedAtMs(headers, 0)).toBe(Date.parse('2026-01-02T03:04:05.678Z'));
    expect(readTrace(headers)).toEqual({ traceparent, tracestate: 'a=b' });
    expect(findFlaws(headers)).toEqual([]);
  });

  it('without any header is a job all the same', () => {
    for (const headers of [undefined, {}]) {
      expect(readJobId(headers, 'orders', 3, 42)).toBe('orders-3-42');
      expect(readKind(headers)).toBeNull();
      expect(readNotBeforeMs(headers, now)).toBeNull();
      expect(readEnqueuedAtMs(headers, 123)).toBe(123);
      expect(readTrace(headers)).toBeNull();
      expect(findFlaws(headers)).toEqual([]);
    }
  });

  it.each<[what: string, value: Buffer | string]>([
    ['empty', ''], ['not UTF-8', Buffer.from([0xc3, 0x28])], ['control characters', 'a\nb'], ['the start of a lease key', '\u0000lease/9'],
    ['too long', 'x'.repeat(301)],
  ])('falls back to its place when the id is %s, and to the schema when the kind is', (_, value) => {
    const headers = { ce_id: value, ce_type: value };
    expect(readJobId(headers, 'orders', 3, 42)).toBe('orders-3-42');
    expect(readKind(headers)).toBeNull();
    expect(findFlaws(headers)).toEqual(['ce_id', 'ce_type']);
  });

  it.each<[text: string, read: number | null]>([
    ['-1', null], ['NaN', null], ['1e9', null], ['', null], ['12.5', null], ['0x10', null], ['٣', null], ['99999999999999999999', null],
    ['0', 0], [String(now - 1), now - 1], ['253402300799000', now + MAX_DELAY_MS], [String(now + 60_000), now + 60_000],
  ])('reads mr_not_before %j as %j', (text, read) => {
    expect(readNotBeforeMs({ mr_not_before: Buffer.from(text) }, now)).toBe(read);
  });

  it('takes the first of doubled headers', () => {
    expect(readKind({ ce_type: [Buffer.from('a'), Buffer.from('b')] })).toBe('a');
    expect(readKind({ ce_type: [] })).toBeNull();
  });

  it.each(['yesterday', '2026-13-45T99:99:99Z', '1', '2026-01-01'])('takes its timestamp when ce_time is %j', (text) => {
    expect(readEnqueuedAtMs({ ce_time: text }, 77)).toBe(77);
  });

  it.each(['00-00000000000000000000000000000000-b7ad6b7169203331-01', 'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x'])(
    'ignores the traceparent %j',
    (traceparent) => { expect(readTrace({ traceparent, tracestate: 'a=b' })).toBeNull(); },
  );
});

describe('an origin', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9._-]{1,249}$/), fc.nat(), fc.maxSafeNat(), fc.maxSafeNat(), (topic, partition, offset, timestampMs) => {
        const text = formatOrigin({ topic, partition, offset: Math.min(offset, 1e15), timestampMs: Math.min(timestampMs, 1e15) });
        expect(formatOrigin(parseOrigin(text) ?? origin)).toBe(text);
      }),
    );
  });

  it.each([null, '', 'a/b/c/d', 'orders/3/42', 'orders/-1/42/0', 'orders/3/42/0/0', 'or ders/3/42/0', 'a/9999999999/1/1', 'orders/1/9999999999999999/0'])(
    'is refused as %j',
    (text) => { expect(parseOrigin(text)).toBeNull(); },
  );
});

describe('a retry record', () => {
  const whole = waitRecord('job-1', job, waiting, stamp);

  it('brings back a waiting job, bytes and foreign headers untouched', () => {
    const read = readBack(whole);
    expect(read).toEqual({ type: 'wait', key: 'job-1', ...stamp, job: { ...job, headers: anyHeaders }, waiting });
    expect(read.type === 'wait' && unpackHeaders(read.job.headers)?.['tenant']).toEqual(Buffer.from([0xfe]));
  });

  it('comes back the same after being written again and again', () => {
    const first = readBack(whole);
    if (first.type !== 'wait') throw new Error('not waiting');
    expect(readBack(waitRecord(first.key, first.job, first.waiting, first))).toEqual(first);
  });

  it('keeps null apart from empty, for key and value', () => {
    for (const bytes of [null, Buffer.alloc(0)]) {
      const record = waitRecord('job-1', { ...job, key: bytes, value: bytes }, waiting, stamp);
      expect(record.value).not.toBeNull(); // or compaction would forget the job
      expect(readBack(record)).toMatchObject({ type: 'wait', job: { key: bytes, value: bytes } });
    }
  });

  it('tells tombstones, voids, leases, commands and answers apart', () => {
    expect(readBack(goneRecord('tombstone', 'job-1', origin, stamp))).toEqual({ type: 'tombstone', key: 'job-1', origin, ...stamp });
    expect(readBack(goneRecord('void', 'job-1', origin, stamp))).toEqual({ type: 'void', key: 'job-1', origin, ...stamp });
    expect(readBack(leaseRecord('lease/8', 8, 'worker-a'))).toEqual({ type: 'lease', key: 'lease/8', epoch: 8, holder: 'worker-a' });
    expect(readBack(appliedRecord('c1', stamp))).toEqual({ type: 'applied', key: 'c1', ...stamp });
    expect(readBack(commandRecord('c1', 'redrive', { ...job, value: null }, failure))).toEqual({
      type: 'command', key: 'c1', command: 'redrive', job: { ...job, value: null, headers: anyHeaders }, firstFailure: failure, note: null, redriven: null,
    });
    for (const redriven of [-1, 7]) expect(readBack(commandRecord('c1', 'redrive', job, null, { redriven }))).toMatchObject({ redriven });
  });

  it('of a pause, and of a mark and its end, is read back', () => {
    expect(readBack(pauseRecord('p1', 'pause', 'kind:a'))).toEqual({ type: 'pause', key: 'p1', on: true, scope: 'kind:a' });
    expect(readBack(pauseRecord('p1', 'resume', 'queue'))).toEqual({ type: 'pause', key: 'p1', on: false, scope: 'queue' });
    expect(readBack(markRecord('seen/x', 'seen', 77, origin, stamp))).toEqual({ type: 'mark', key: 'seen/x', untilMs: 77, origin: { ...origin }, ...stamp });
    expect(readBack(markRecord('pause/queue', 'paused', 0, null, stamp))).toEqual({ type: 'mark', key: 'pause/queue', untilMs: 0, origin: null, ...stamp });
    expect(readBack(appliedRecord('pause/queue', stamp))).toEqual({ type: 'applied', key: 'pause/queue', ...stamp });
  });

  it.each<[Scope, string]>([
    [{ type: 'queue' }, 'queue'], [{ type: 'kind', kind: 'order.charge' }, 'kind:order.charge'], [{ type: 'key', key: Buffer.from('Zoë:1') }, 'key:Zoë:1'],
    [{ type: 'key', key: Buffer.from([0xff, 0]) }, 'key-hex:ff00'],
  ])('of the scope %j says it as %j', (scope, text) => {
    expect(formatScope(scope)).toBe(text);
    expect(parseScope(text)).toEqual(scope);
    expect(parseScope(`${text.length}${text}`)).toBeNull();
  });

  it('of a lease has a key that no job id can take', () => {
    const { key } = leaseRecord('lease/8', 8, 'worker-a');
    expect(readJobId({ ce_id: key as string }, 'orders', 3, 42)).toBe('orders-3-42');
  });

  const lease = leaseRecord('lease/8', 8, 'w');
  const command = commandRecord('c1', 'discard', job, null);
  it.each<[what: string, record: OutgoingRecord]>([
    ['no headers', { key: whole.key, value: whole.value }],
    ['no key', { ...whole, key: null }],
    ['a forged epoch', { ...whole, headers: { ...whole.headers, mr_epoch: '-1' } }],
    ['no sequence number', { ...whole, headers: { ...whole.headers, mr_seq: undefined } }],
    ['another queue as its origin', { ...whole, headers: { ...whole.headers, mr_origin: 'payments/3/42/0' } }],
    ['another partition as its origin', { ...whole, headers: { ...whole.headers, mr_origin: 'orders/4/42/0' } }],
    ['a lease without its value', { ...lease, value: null }],
    ['a lease of epoch 0', { ...lease, headers: { ...lease.headers, mr_epoch: '0' } }],
    ['an unknown command', { ...command, headers: { ...command.headers, mr_command: 'explode' } }],
    ['a command for another queue', { ...command, headers: { ...command.headers, mr_origin: 'payments/3/42/0' } }],
    ['a mark without its epoch', { ...markRecord('pause/queue', 'paused', 0, null, stamp), headers: { mr_reason: 'paused', mr_seq: '1' } }],
    ['an answer without its sequence number', { ...appliedRecord('c1', stamp), headers: { mr_reason: 'applied', mr_epoch: '7' } }],
  ])('with %s counts for nothing', (_, record) => {
    expect(readBack(record).type).toBe('foreign');
  });

  it.each<[name: string, text: string, expected: Partial<Waiting>]>([
    ['mr_attempt', '-1', { attempt: 0 }], ['mr_attempt', '1000000000', { attempt: 0 }], ['mr_attempt', 'NaN', { attempt: 0 }],
    ['mr_due', '-5', { dueMs: 0 }], ['mr_due', '253402300799000', { dueMs: now + MAX_DELAY_MS }],
    ['mr_reason', '', { reason: 'retry' }], ['mr_error', 'null', { failure: null }], ['mr_error', '{"code":1}', { failure: null }],
    ['mr_error', '{', { failure: null }], ['mr_first_error', '[]', { firstFailure: null }],
  ])('with %s %j waits with a default in its place', (name, text, expected) => {
    expect(readBack({ ...whole, headers: { ...whole.headers, [name]: text } })).toMatchObject({ type: 'wait', waiting: expected });
  });

  it('takes nothing about its standing from the record that it copies', () => {
    const headers: Headers = { mr_attempt: '9', mr_epoch: '99', mr_error: '{}', mr_due: '1', ce_partitionkey: 'x', mr_null: '1', ce_id: 'other', mr_command: 'discard' };
    const fresh = { attempt: 0, dueMs: 0, reason: 'behind', failure: null, firstFailure: null };
    const read = readBack(waitRecord('job-1', { ...job, headers, key: null }, fresh, stamp));
    expect(read).toEqual({ type: 'wait', key: 'job-1', ...stamp, job: { ...job, key: null, headers: anyHeaders }, waiting: fresh });
    expect(read.type === 'wait' && unpackHeaders(read.job.headers)?.['mr_command']).toBeUndefined();
  });
});

describe('a buried record', () => {
  const { dueMs: _, ...rest } = waiting;
  const burial = { ...rest, reason: 'attempts' };

  it('tells origin, attempts, first and last failure beside the untouched bytes', () => {
    const record = buriedRecord(job, burial);
    expect(record.key).toBe('job-1');
    expect(readBuriedRecord(throughBroker(record))).toEqual({ job: { ...job, headers: anyHeaders }, burial });
    for (const redriven of [-1, 7]) expect(readBuriedRecord(throughBroker(buriedRecord(job, { ...burial, redriven })))).toMatchObject({ burial: { redriven } });
  });

  it('keeps a null value null', () => {
    expect(buriedRecord({ ...job, value: null }, burial).value).toBeNull();
  });

  it('describes a job of a producer that knows no CloudEvents', () => {
    expect(buriedRecord({ ...job, headers: undefined }, burial).headers).toMatchObject({
      ce_specversion: '1.0', ce_id: 'job-1', ce_type: 'order.charge', ce_source: 'kafka:orders', ce_time: new Date(origin.timestampMs).toISOString(),
    });
  });
});

describe('header garbage', () => {
  const garbage = fc.oneof(fc.string(), fc.uint8Array().map((bytes) => Buffer.from(bytes)), fc.constant(undefined));
  const names = fc.oneof(
    fc.constantFrom('ce_id', 'ce_type', 'ce_time', 'mr_attempt', 'mr_due', 'mr_reason', 'mr_origin', 'mr_error', 'mr_first_error', 'mr_epoch', 'mr_seq', 'mr_not_before', 'traceparent', 'ce_partitionkey'),
    fc.string(),
  );
  const someHeaders = fc.option(fc.dictionary(names, fc.oneof(garbage, fc.array(garbage.filter((value) => value !== undefined))), { maxKeys: 20 }), { nil: undefined });
  const bytes = fc.option(fc.uint8Array().map((some) => Buffer.from(some)), { nil: null });

  it('never makes a reader or a builder throw', () => {
    fc.assert(
      fc.property(someHeaders, bytes, bytes, fc.integer(), (given, key, value, timestampMs) => {
        const headers = given as Headers | undefined;
        const record: FetchedRecord = { offset: 9, timestampMs, key, value, headers };
        const id = readJobId(headers, 't', 1, 9);
        readEnqueuedAtMs(headers, timestampMs);
        readNotBeforeMs(headers, now);
        readTrace(headers);
        findFlaws(headers);
        readRetryRecord(record, 'orders', 3, now);
        readBuriedRecord(record);
        const copied: CarriedJob = { id, kind: readKind(headers), key, value, headers, origin: { ...origin, timestampMs } };
        expect(readBack(waitRecord('k', copied, waiting, stamp))).toMatchObject({ type: 'wait', job: { id, key, value } });
        expect(readBack(commandRecord('k', 'discard', copied, null))).toMatchObject({ type: 'command', job: { id, key, value } });
        buriedRecord({ ...copied, origin: { ...origin, timestampMs } }, { ...waiting, reason: 'wire' });
      }),
    );
  });

  it('of a thousand headers travels whole', () => {
    const headers = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, Buffer.from(String(i))]));
    expect(Object.keys(carryHeaders(headers, 'i', 'k', origin))).toHaveLength(1006);
  });
});

describe('kept headers', () => {
  it('are measured with their framing', () => {
    expect(headerBytes({ ab: 'é', c: Buffer.alloc(10) })).toBe(2 + 2 + 6 + 1 + 10 + 6);
  });
});
