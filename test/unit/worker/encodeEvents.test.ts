import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jobEventsV2, type JobEventsV2, type JobEventV2 } from '../../../schemas/millrace.JobEvents/payload.generated.ts';
import { createCodec, createReader, type Writer } from '../../../shared/avro/codec.ts';
import { createPlainDecoder } from '../../../shared/avro/plainDecoder.ts';
import { readSchemaId } from '../../../shared/avro/wireFormat.ts';
import { EVENT_KEY_BYTES, type JobEvent } from '../../../shared/engine/effects.ts';
import { eventBytes } from '../../../shared/engine/eventBytes.ts';
import { Job } from '../../../shared/engine/job.ts';
import { Lane } from '../../../shared/engine/lane.ts';
import type { Partition } from '../../../shared/engine/partition.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createFactReader } from '../../../shared/status/readFacts.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createEventsEncoder, registerEvents, type EncodeEvents, type EventsBatch } from '../../../shared/worker/encodeEvents.ts';
import { eventTypeCodes } from '../../../shared/worker/writeEvent.ts';

const registry = createMemoryRegistry();
const codec = createCodec({ registry, clock: systemClock });
const reader = createReader(jobEventsV2);
const facts = createFactReader({ codec, decoder: createPlainDecoder({ registry, clock: systemClock }), maxPayloadBytes: 0 });
let encodeEvents: EncodeEvents;
let writer: Writer<JobEventsV2>;

beforeAll(async () => {
  encodeEvents = await registerEvents(codec);
  writer = await codec.register(jobEventsV2);
});

const MAX_INT = 2 ** 31 - 1;
const NOW = Date.UTC(2026, 10, 23);
const batch: EventsBatch = { queue: 'orders', partition: 3, worker: 'host-17-abc', epoch: 7 };
const laneless = { sinceMs: NOW } as Partition;

interface Wish { readonly id?: string; readonly kind?: string; readonly key?: Buffer | null; readonly isKeyOfLane?: boolean; readonly offset?: number }

function event({ id = 'job-1', kind = 'order.charge', key = Buffer.from('order-42'), isKeyOfLane = false, offset = 17 }: Wish, rest: Partial<JobEvent> = {}): JobEvent {
  // Where no order is kept, the key is the job's own.
  const keyText = key?.toString('latin1') ?? null;
  const lane = new Lane(laneless, isKeyOfLane ? keyText : null, 0);
  const job = new Job({ offset, timestampMs: NOW, id, kind, policy: null, key: keyText, value: null, headers: undefined, bytes: 0, notBeforeMs: 0, uniqueForMs: 0, fault: null }, lane);
  return { type: 'done', job, attempt: 1, atMs: NOW, reason: null, dueMs: null, failure: null, words: null, then: 'settle', ...rest };
}

/** The same as avsc's: what the schema says, from an object a line. */
function encodePlainly({ queue, worker, ...numbers }: EventsBatch, events: readonly JobEvent[]): Buffer {
  const text = (value: string): string => value.toWellFormed();
  const textOrNull = (value: string | null | undefined): string | null => value?.toWellFormed() ?? null;
  const kinds = [...new Set(events.map(({ job }) => job.kind))];
  const startMs = events[0]?.atMs ?? 0;
  const lines = events.map(({ type, job, attempt, atMs, reason, dueMs, failure, words }): JobEventV2 => ({
    type, id: text(job.id), kind: kinds.indexOf(job.kind), key: job.key?.subarray(0, EVENT_KEY_BYTES) ?? null, offset: job.offset, attempt,
    afterMs: Math.max(-MAX_INT, Math.min(MAX_INT, atMs - startMs)),
    detail: reason === null && dueMs === null && failure === null && words === null ? null : {
      reason, dueMs, error: failure === null ? null : { code: text(failure.code), message: text(failure.message) },
      progress: words?.progress ?? null, note: textOrNull(words?.note), result: textOrNull(words?.result),
    },
  }));
  return codec.encode({ queue: text(queue), worker: text(worker), ...numbers, startMs, kinds: kinds.map(text), events: lines }, writer);
}

const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 40 }) }, fc.string({ unit: 'grapheme', maxLength: 100 }), fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '\ud800', 'half \udc00 a character', `${'long, and half '.repeat(9)}\ud83d`, '😀', '\u0000', '\ufffd', 'é'.repeat(2500), '漢'.repeat(5000)),
);
const anyKey = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(null, Buffer.alloc(0), Buffer.alloc(24, 'k'), Buffer.alloc(25, 'ü'), Buffer.alloc(EVENT_KEY_BYTES, 'é'), Buffer.alloc(EVENT_KEY_BYTES + 1, 'é'), Buffer.alloc(5000, 0xff)),
);
const someLong = (max: number): fc.Arbitrary<number> => fc.oneof(fc.nat(10_000), fc.integer({ min: 0, max }), fc.constantFrom(2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, max));
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 1 });
const anyDetail = fc.record({
  reason: orNull(fc.constantFrom<JobEvent['reason']>('retry', 'snoozed', 'behind', 'unknown-kind', 'dependency-down', 'attempts', 'dead', 'too-large')),
  dueMs: orNull(someLong(2 ** 52 - 1)),
  failure: orNull(fc.record({ code: anyText, name: anyText, message: anyText, at: fc.constant(NOW) })),
  words: orNull(fc.record({ progress: orNull(fc.double({ min: 0, max: 1, noNaN: true })), note: orNull(anyText), result: orNull(anyText) })),
});
const anyEvent = fc.record({
  wish: fc.record({ id: anyText, kind: fc.oneof(fc.constantFrom('', 'order.charge', 'order.ship'), anyText), key: anyKey, isKeyOfLane: fc.boolean(), offset: someLong(2 ** 52 - 1) }),
  type: fc.constantFrom<JobEvent['type']>('started', 'done', 'waiting', 'buried', 'redriven', 'discarded', 'cancelled', 'progress', 'duplicate'),
  attempt: fc.oneof(fc.nat(200), fc.constantFrom(1_000_000, MAX_INT)),
  atMs: fc.oneof(fc.integer({ min: NOW - 5000, max: NOW + 5000 }), fc.constantFrom(0, NOW - 2 ** 31, NOW + 2 ** 31, NOW - 2 ** 40, NOW + 2 ** 40)),
  detail: fc.oneof(fc.constant({}), anyDetail),
}).map(({ wish, type, attempt, atMs, detail }) => event(wish, { type, attempt, atMs, ...detail }));
const anyBatch = fc.record({ queue: fc.constantFrom('q', 'orders.eu-west'), partition: fc.nat(10_000), worker: anyText, epoch: fc.oneof(fc.nat(100), fc.constant(2 ** 48)) });

describe('events, encoded by hand', () => {
  it('are byte for byte what the codec makes of the same, and read alike by the status service', () => {
    fc.assert(fc.property(anyBatch, fc.array(anyEvent, { maxLength: 12 }), (some, events) => {
      const value = encodeEvents(some, events);
      const plain = encodePlainly(some, events);
      expect(codec.decode(value, reader)).toEqual(codec.decode(plain, reader));
      expect(value.equals(plain)).toBe(true);
      const record = { offset: 0, timestampMs: NOW, key: null, headers: undefined };
      expect(facts.read('q', 'events', 0, { ...record, value })).toEqual(facts.read('q', 'events', 0, { ...record, value: plain }));
    }), { numRuns: 400 });
  });

  it('take no more bytes than the engine counts with when it bounds a record', () => {
    // Their count, that of their kinds, and the mark of the end.
    const around = encodeEvents(batch, []).length + 8;
    const check = (events: readonly JobEvent[]): void => {
      expect(encodeEvents(batch, events).length).toBeLessThanOrEqual(around + events.reduce((bytes, one) => bytes + eventBytes(one), 0));
    };
    fc.assert(fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 4 }), check));
    // Where hardly a text leaves room to spare.
    const largest = { attempt: MAX_INT, dueMs: 2 ** 52 - 1, words: { progress: 0.5, note: '漢'.repeat(3000), result: '漢'.repeat(3000) }, failure: { code: '', name: '', message: '漢'.repeat(3000), at: 0 } };
    for (const rest of [{ attempt: MAX_INT }, largest]) {
      check(Array.from({ length: 300 }, (_, at) => event({ id: '漢'.repeat(100), kind: `漢${String.fromCodePoint(0x4e00 + at)}`, key: Buffer.alloc(2000), offset: 2 ** 52 - 1 - at }, { ...rest, atMs: NOW + at * 2 ** 30 })));
    }
  });

  it('name the schema that they are written by', () => {
    expect(readSchemaId(encodeEvents(batch, [event({})]))).toBe(writer.schemaId);
    expect(writer.type.equals(reader.type)).toBe(true);
  });

  it('can be more than what was told at once so far, and stay as they are while others are told', () => {
    const encode = createEventsEncoder(writer.schemaId);
    const few = encode(batch, [event({ id: 'first' })]);
    const copy = Buffer.from(few);
    const many = Array.from({ length: 1500 }, (_, at) => event({ id: `job-${at}`, kind: `kind-${at}${'k'.repeat(240)}` }, at % 10 === 0 ? { words: { progress: 1, note: '漢'.repeat(500), result: null } } : {}));
    const value = encode(batch, many);
    expect(value.equals(encodePlainly(batch, many))).toBe(true);
    expect(few).toEqual(copy);
    expect(value.buffer).not.toBe(few.buffer);
  });

  it('are told even where numbers go beyond what readers take: the nearest stands for them', () => {
    const { events, startMs } = codec.decode(encodeEvents(batch, [
      event({ offset: Number.MAX_SAFE_INTEGER }, { atMs: NOW + 0.7, attempt: 1e12, dueMs: 1e300 }), event({}, { atMs: NaN, attempt: NaN, dueMs: NaN }), event({}, { atMs: -Infinity }),
    ]), reader);
    expect(startMs).toBe(NOW);
    expect(events.map(({ offset, attempt, afterMs, detail }) => [offset, attempt, afterMs, detail?.dueMs])).toEqual([
      [2 ** 53 - 2, MAX_INT, 0, 2 ** 53 - 2], [17, 0, 0, 0], [17, 1, -MAX_INT, undefined],
    ]);
  });
});

describe('the schema of events', () => {
  type Node = string | readonly Node[] | { readonly type: Node; readonly name?: string; readonly symbols?: readonly string[]; readonly items?: Node; readonly fields?: readonly { readonly name: string; readonly type: Node }[] };

  /** Names and types, in order, without what changes no byte. */
  function outline(node: Node): unknown {
    if (typeof node === 'string') return node;
    if (Array.isArray(node)) return node.map(outline);
    const { type, symbols, items, fields } = node as Exclude<Node, string | readonly Node[]>;
    if (symbols !== undefined) return { symbols };
    if (items !== undefined) return { items: outline(items) };
    return fields === undefined ? outline(type) : Object.fromEntries(fields.map((field) => [field.name, outline(field.type)]));
  }

  it('lists the fields in the order in which they are written, and null first in each union', () => {
    const line = {
      type: { symbols: Object.keys(eventTypeCodes) }, id: 'string', kind: 'int', key: ['null', 'bytes'], offset: 'long', attempt: 'int', afterMs: 'int',
      detail: ['null', {
        reason: ['null', 'string'], dueMs: ['null', 'long'], error: ['null', { code: 'string', message: 'string' }], progress: ['null', 'double'], note: ['null', 'string'], result: ['null', 'string'],
      }],
    };
    const expected = { queue: 'string', partition: 'int', worker: 'string', epoch: 'long', startMs: 'long', kinds: { items: 'string' }, events: { items: line } };
    expect(JSON.stringify(outline(jobEventsV2.versions[jobEventsV2.version - 1] as Node))).toBe(JSON.stringify(expected));
    expect(Object.values(eventTypeCodes)).toEqual(Object.keys(eventTypeCodes).map((_, index) => index));
  });
});
