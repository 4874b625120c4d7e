import type { Type } from 'avsc';
import { describe, expect, test } from 'vitest';
import { departureV1, departureV2, type DepartureV1, type DepartureV2 } from '../../../schemas/flights.Departure/payload.generated.ts';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { AvroSchema, PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { createCodec, createReader, type Codec, type Reader, type Writer } from '../../../shared/avro/codec.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { codeThrownBy, framed, varint } from './avroBytes.ts';

/** The registry's memory, shared by the codecs of a test as one registry is by many processes. */
function createSharedRegistry() {
  const texts: string[] = [];
  let requests = 0;
  return {
    requests: () => requests,
    register: async (_subject: string, schema: AvroSchema) => {
      const text = JSON.stringify(schema);
      return texts.includes(text) ? texts.indexOf(text) : texts.push(text) - 1;
    },
    schemaById: async (id: number) => {
      requests++;
      const text = texts[id];
      if (text === undefined) throw new MillraceError('SCHEMA_UNKNOWN');
      return text;
    },
    isCompatible: async () => true,
    latest: async () => null,
  };
}

const setUp = () => {
  const registry = createSharedRegistry();
  return { registry, newCodec: (): Codec => createCodec({ registry, clock: systemClock }) };
};

const oneSchema = <P>(avro: AvroSchema, subject = 'test.R'): PayloadSchema<P> => ({ subject, version: 1, versions: [avro] });
const record = (...fields: readonly { name: string; type: AvroSchema; default?: unknown }[]): AvroSchema => ({ type: 'record', name: 'R', namespace: 'test', fields });

const v1: DepartureV1 = { date: '2001/01/01 06:55', delay: -19, distance: 1797, origin: 'LAX', destination: 'BNA' };
const v2: DepartureV2 = { ...v1, sequence: 4 };
const job: JobV1 = {
  orderId: 'order-2026-100042', customer: '0192f1c0-7a3b-7c4d-8e5f-6a7b8c9d0e1f', email: 'grace.hopper@example.org', city: 'Castrop-Rauxel, Germany',
  createdAt: 1_790_000_000_000, sequence: 42, amount: 129.95, currency: 'EUR', priority: 3, express: true, note: 'leave at the back door please',
  lines: [{ sku: 'SKU-0001-RED-XL', quantity: 2, price: 19.5 }, { sku: 'SKU-0417-BLUE-M', quantity: 1, price: 90.95 }], tags: ['spring-sale', 'newsletter'],
};

describe('a codec', () => {
  test('reads a v1 payload as v2, defaults filled, and a v2 payload as v1, the rest left out', async () => {
    const { newCodec } = setUp();
    const old = newCodec();
    const young = newCodec();
    const fromV1 = old.encode(v1, await old.register(departureV1));
    const fromV2 = young.encode(v2, await young.register(departureV2));
    expect(young.decode(fromV1, createReader(departureV2))).toEqual({ ...v1, sequence: -1 });
    expect(old.decode(fromV2, createReader(departureV1))).toEqual(v1);
    expect(young.decode(fromV2, createReader(departureV2))).toEqual(v2);
  });

  test('reads what is usual without avsc, for its own version and for another, and leaves to avsc what it is not sure of', async () => {
    const codec = setUp().newCodec();
    const order = codec.encode(job, await codec.register(jobV1));
    const meant = codec.encode({ ...job, note: '\ufffd' }, await codec.register(jobV1));
    const flight = codec.encode(v1, await codec.register(departureV1));
    let asked = 0;
    const counted = <P>(reader: Reader<P>): Reader<P> => {
      const decode: Type['decode'] = (...given) => { asked++; return reader.type.decode.apply(type, given); };
      const type = Object.create(reader.type, { decode: { value: decode } }) as Type;
      return { ...reader, type };
    };
    const reader = counted(createReader(jobV1));
    expect(codec.decode(order, reader)).toEqual(job);
    expect(codec.decode(flight, counted(createReader(departureV2)))).toEqual({ ...v1, sequence: -1 });
    expect(asked).toBe(0);
    expect(codec.decode(meant, reader)).toEqual({ ...job, note: '\ufffd' });
    expect(asked).toBe(1);
  });

  test('needs the registry once for a schema, and never to decode', async () => {
    const { registry, newCodec } = setUp();
    const producer = newCodec();
    const value = producer.encode(job, await producer.register(jobV1));
    const worker = newCodec();
    const reader = createReader(jobV1);
    expect(codeThrownBy(() => worker.decode(value, reader))).toBe('SCHEMA_NOT_LOADED');
    await worker.load(0);
    for (let i = 0; i < 100; i++) expect(worker.decode(value, reader)).toEqual(job);
    expect(registry.requests()).toBe(1);
    expect(worker.writerName(0)).toBe('bench.Job');
  });

  test('never asks for a schema that it registered itself', async () => {
    const { registry, newCodec } = setUp();
    const codec = newCodec();
    const writer = await codec.register(departureV2);
    expect(codec.knows(writer.schemaId)).toBe(true);
    expect(codec.decode(codec.encode(v2, writer), createReader(departureV2))).toEqual(v2);
    expect(registry.requests()).toBe(0);
  });

  test('writes about 240 bytes for the job that benchmarks move', async () => {
    const codec = setUp().newCodec();
    expect(codec.encode(job, await codec.register(jobV1)).length).toBeGreaterThan(230);
    expect(codec.encode(job, await codec.register(jobV1)).length).toBeLessThan(250);
  });

  test('says that data of another subject does not fit, each time, and still reads the right one', async () => {
    const codec = setUp().newCodec();
    const flight = codec.encode(v1, await codec.register(departureV1));
    const order = codec.encode(job, await codec.register(jobV1));
    for (let i = 0; i < 3; i++) {
      expect(codeThrownBy(() => codec.decode(flight, createReader(jobV1)))).toBe('AVRO_MISMATCH');
      expect(codec.decode(order, createReader(jobV1))).toEqual(job);
    }
  });

  test('says that a version from the future which lost a field does not fit', async () => {
    const codec = setUp().newCodec();
    const writer = await codec.register(oneSchema<object>({ type: 'record', name: 'Departure', namespace: 'flights', fields: [{ name: 'date', type: 'string' }] }, 'flights.Departure'));
    const value = codec.encode({ date: 'x' }, writer);
    expect(codeThrownBy(() => codec.decode(value, createReader(departureV1)))).toBe('AVRO_MISMATCH');
  });

  test.each<[string, (good: Buffer) => Buffer | null, string]>([
    ['no value', () => null, 'WIRE_EMPTY'],
    ['an empty value', () => Buffer.alloc(0), 'WIRE_EMPTY'],
    ['one byte', () => Buffer.of(0), 'WIRE_MAGIC'],
    ['a wrong magic byte', (good) => Buffer.concat([Buffer.of(9), good.subarray(1)]), 'WIRE_MAGIC'],
    ['three bytes of an id', (good) => good.subarray(0, 4), 'WIRE_MAGIC'],
    ['JSON', () => Buffer.from(JSON.stringify(v1)), 'WIRE_MAGIC'],
    ['JSON behind a header', () => framed(0, Buffer.from(JSON.stringify(v1))), 'AVRO_INVALID'],
    ['a negative id', (good) => framed(-5, good.subarray(5)), 'SCHEMA_UNKNOWN'],
    ['an id that the registry does not know', (good) => framed(2 ** 31 - 1, good.subarray(5)), 'SCHEMA_UNKNOWN'],
    ['a header alone', () => framed(0, Buffer.alloc(0)), 'AVRO_TRUNCATED'],
    ['a truncated value', (good) => good.subarray(0, good.length - 1), 'AVRO_TRUNCATED'],
    ['a value with trailing bytes', (good) => Buffer.concat([good, Buffer.of(0)]), 'AVRO_TRAILING'],
    ['a text of 2^40 bytes', () => framed(0, varint(2 ** 40)), 'AVRO_TRUNCATED'],
  ])('refuses %s', async (_name, spoil, code) => {
    const codec = setUp().newCodec();
    const good = codec.encode(v1, await codec.register(departureV1));
    await codec.load(2 ** 31 - 1);
    expect(codeThrownBy(() => codec.decode(spoil(good), createReader(departureV1)))).toBe(code);
  });
});

describe('encoding', () => {
  async function writerOf<P>(avro: AvroSchema): Promise<{ codec: Codec; writer: Writer<P>; encode: (payload: P) => Buffer }> {
    const codec = setUp().newCodec();
    const writer = await codec.register(oneSchema<P>(avro));
    return { codec, writer, encode: (payload) => codec.encode(payload, writer) };
  }

  test.each<[string, unknown, string]>([
    ['a missing field', { ...job, city: undefined }, 'bench.Job: city): expected "string", got undefined'],
    ['a text for a number', { ...job, amount: '12' }, 'bench.Job: amount): expected "double", got "12"'],
    ['a fraction for an int', { ...job, priority: 1.5 }, 'bench.Job: priority): expected "int", got 1.5'],
    ['NaN for a long', { ...job, createdAt: NaN }, 'bench.Job: createdAt): expected "long", got NaN'],
    ['a Date for a long', { ...job, createdAt: new Date(0) }, 'bench.Job: createdAt'],
    ['a bigint', { ...job, sequence: 5n }, 'bench.Job: sequence): expected "long", got 5n'],
    ['a symbol that the enum has not', { ...job, currency: 'DEM' }, 'bench.Job: currency): expected bench.Currency, got "DEM"'],
    ['a wrong item deep inside', { ...job, lines: [job.lines[0], { ...job.lines[1], quantity: 'two' }] }, 'bench.Job: lines.1.quantity): expected "int", got "two"'],
    ['null', null, 'bench.Job): expected bench.Job, got null'],
    ['undefined', undefined, 'bench.Job): expected bench.Job, got undefined'],
    ['a lone surrogate in a short text', { ...job, tags: ['fine', 'bad\ud800'] }, 'bench.Job: tags.1): expected well-formed Unicode text'],
    ['a lone surrogate in a long text', { ...job, note: `${'x'.repeat(200)}\udc00` }, 'bench.Job: note): expected well-formed Unicode text'],
  ])('names the field of %s', async (_name, payload, message) => {
    const codec = setUp().newCodec();
    const writer = await codec.register(jobV1);
    const encode = (): Buffer => codec.encode(payload as JobV1, writer);
    expect(encode).toThrow(expect.objectContaining({ code: 'BAD_PAYLOAD' }));
    expect(encode).toThrow(message);
  });

  test('refuses a payload that contains itself', async () => {
    const { encode } = await writerOf<object>({ type: 'record', name: 'R', namespace: 'test', fields: [{ name: 'next', type: ['null', 'R'] }] });
    const loop: { next: unknown } = { next: null };
    loop.next = loop;
    expect(codeThrownBy(() => encode(loop))).toBe('BAD_PAYLOAD');
  });

  test.each([2 ** 53, 2 ** 52, -(2 ** 52), -(2 ** 52) - 1, Infinity])('refuses the long %d, which would not arrive as it is', async (value) => {
    const { encode } = await writerOf<{ a: number }>(record({ name: 'a', type: 'long' }));
    expect(codeThrownBy(() => encode({ a: value }))).toBe('BAD_PAYLOAD');
  });

  test.each([NaN, Infinity, -Infinity, -0, Number.MIN_VALUE])('carries the double %d', async (value) => {
    const { codec, encode } = await writerOf<{ a: number }>(record({ name: 'a', type: 'double' }));
    expect(codec.decode(encode({ a: value }), createReader(oneSchema<{ a: number }>(record({ name: 'a', type: 'double' })))).a).toBe(value);
  });

  test('carries U+FFFD where that was meant', async () => {
    const codec = setUp().newCodec();
    const note = `${'x'.repeat(100)}\ufffd`;
    expect(codec.decode(codec.encode({ ...job, note }, await codec.register(jobV1)), createReader(jobV1)).note).toBe(note);
  });

  test('keeps every value intact through slabs that fill up, and values larger than a slab', async () => {
    const avro = record({ name: 'i', type: 'int' }, { name: 'text', type: 'string' });
    const { codec, encode } = await writerOf<{ i: number; text: string }>(avro);
    const sizes = [0, 1, 100, 1000, 60_000, 70_000, 300_000, 2_000_000, 5];
    const payloads = Array.from({ length: 900 }, (_, i) => ({ i, text: 'é'.repeat((sizes[i % 9] ?? 0) / (i % 9 === 7 && i > 20 ? 100 : 1)) }));
    const values = payloads.map(encode);
    const reader = createReader(oneSchema<{ i: number; text: string }>(avro));
    values.forEach((value, i) => {
      const { i: number, text } = codec.decode(value, reader);
      expect(number).toBe(i);
      expect(text === payloads[i]?.text).toBe(true);
    });
  });

  test('asks the guard only about text that may stand for a broken one', async () => {
    const codec = setUp().newCodec();
    let asked = 0;
    const writer: Writer<JobV1> = { ...(await codec.register(jobV1)), guard: () => { asked++; } };
    codec.encode(job, writer);
    codec.encode({ ...job, city: 'Öhringen' }, writer);
    expect(asked).toBe(0);
    codec.encode({ ...job, note: '\ufffd' }, writer);
    expect(asked).toBe(1);
  });

  test('is not disturbed by a payload that failed half-way', async () => {
    const codec = setUp().newCodec();
    const writer = await codec.register(jobV1);
    const before = codec.encode(job, writer);
    expect(codeThrownBy(() => codec.encode({ ...job, tags: [1] } as unknown as JobV1, writer))).toBe('BAD_PAYLOAD');
    const after = codec.encode({ ...job, sequence: 43 }, writer);
    const reader = createReader(jobV1);
    expect([before, after].map((value) => codec.decode(value, reader).sequence)).toEqual([42, 43]);
  });
});
