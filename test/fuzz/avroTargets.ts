import fc from 'fast-check';
import type { Type } from 'avsc';
import { isDeepStrictEqual } from 'node:util';
import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { createCodec, createReader } from '../../shared/avro/codec.ts';
import { compileFastCheck, compileFastRead } from '../../shared/avro/compileFastRead.ts';
import { compileSchema } from '../../shared/avro/compileSchema.ts';
import { compileGuard, type Guard } from '../../shared/avro/guardAvro.ts';
import { DEFAULT_LIMITS, MAX_WRITTEN_LONG } from '../../shared/avro/guardLimits.ts';
import { HEADER_BYTES, readSchemaId, writeHeader } from '../../shared/avro/wireFormat.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../shared/testing/memoryRegistry.ts';
import { MUTANTS as DAMAGES, damagedReads, slowRead } from '../unit/avro/arbitraryRead.ts';
import { arbitrarySchema } from '../unit/avro/arbitrarySchema.ts';
import { mutationsOf } from './mutate.ts';
import { holdTo, readOrRefuse, type Target } from './target.ts';

const WIRE_CODES = ['WIRE_EMPTY', 'WIRE_MAGIC'];
const AVRO_CODES = ['AVRO_TRUNCATED', 'AVRO_TRAILING', 'AVRO_INVALID', 'AVRO_UNSAFE'];
const DECODE_CODES = [...WIRE_CODES, ...AVRO_CODES, 'SCHEMA_UNKNOWN', 'SCHEMA_INVALID', 'SCHEMA_NOT_LOADED', 'AVRO_MISMATCH'];
/** Small, so that what passes can be counted out; the real ones are numbers of the same sort. */
const LIMITS = { ...DEFAULT_LIMITS, maxValues: 3000, maxEmptyItems: 50, maxDepth: 32 };

/** A type that contains itself in each way there is. */
const recursive: AvroSchema = { type: 'record', name: 'Tree', fields: [
  { name: 'next', type: ['null', 'Tree'] }, { name: 'branches', type: { type: 'array', items: 'Tree' } }, { name: 'named', type: { type: 'map', values: 'Tree' } },
  { name: 'empty', type: { type: 'array', items: 'null' } }, { name: 'text', type: 'string' },
] };
const leaf = fc.constant({ next: null, branches: [], named: {}, empty: [], text: '' });
const tree = fc.letrec<{ tree: object }>((tie) => ({
  tree: fc.record({
    next: fc.option(fc.oneof({ maxDepth: 4 }, fc.constant(null), tie('tree'))), branches: fc.array(fc.oneof({ maxDepth: 3 }, leaf, tie('tree')), { maxLength: 2 }),
    named: fc.dictionary(fc.string({ maxLength: 3 }).filter((name) => name !== '__proto__'), fc.oneof({ maxDepth: 3 }, leaf, tie('tree')), { maxKeys: 2 }),
    empty: fc.array(fc.constant(null), { maxLength: 5 }), text: fc.string({ maxLength: 10 }),
  }),
})).tree;
/** As deep as may be, and deeper. */
const chain = fc.integer({ min: 1, max: 4 * LIMITS.maxDepth }).map((depth) => {
  let value: object = { next: null, branches: [], named: {}, empty: [], text: '' };
  for (let level = 1; level < depth; level++) value = { next: value, branches: [], named: {}, empty: [], text: '' };
  return value;
});

/** A payload as people have them. */
const usual: AvroSchema = { type: 'record', name: 'Usual', fields: [
  { name: 'name', type: 'string' }, { name: 'paid', type: 'boolean' }, { name: 'cents', type: 'long' }, { name: 'state', type: { type: 'enum', name: 'State', symbols: ['A', 'B'] } },
  { name: 'note', type: ['null', 'string'] }, { name: 'counts', type: { type: 'map', values: 'int' } }, { name: 'rate', type: 'double' }, { name: 'blob', type: 'bytes' },
] };
const usualValue = fc.record({
  name: fc.string({ unit: 'grapheme', maxLength: 30 }), paid: fc.boolean(), cents: fc.integer(), state: fc.constantFrom('A', 'B'), note: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 })),
  counts: fc.dictionary(fc.string({ maxLength: 4 }).filter((name) => name !== '__proto__'), fc.integer(), { maxKeys: 3 }), rate: fc.double(), blob: fc.uint8Array({ maxLength: 10 }).map((bytes) => Buffer.from(bytes)),
});

/** Making a schema and its value takes longer than changing its bytes: each is changed in many ways. */
const MUTANTS = 20;

const schemaAndBytes = fc.oneof(
  { weight: 2, arbitrary: arbitrarySchema() },
  { weight: 2, arbitrary: fc.constant({ schema: usual, value: usualValue }) },
  { weight: 1, arbitrary: fc.constant({ schema: recursive, value: fc.oneof({ weight: 3, arbitrary: tree }, { weight: 1, arbitrary: chain }) }) },
).chain(({ schema, value }) => {
  const type = compileSchema(schema);
  return fc.tuple(value, value).chain(([one, other]) => {
    const bytes = type.toBuffer(one);
    return fc.record({ schema: fc.constant(schema), valid: fc.constant(bytes), mutants: fc.array(mutationsOf(bytes, type.toBuffer(other)), { minLength: MUTANTS, maxLength: MUTANTS }) });
  });
});

/** Counts how often single bytes are read, and how many are handed to native code. */
function countReads(bytes: Buffer): { readonly bytes: Buffer; readonly reads: () => number } {
  let reads = 0;
  const counting = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === 'string' && /^[0-9]/.test(name)) reads++;
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result = (value as (...args: unknown[]) => unknown).apply(target, args);
        if (result instanceof Uint8Array) reads += result.length;
        return result;
      };
    },
  });
  return { bytes: counting, reads: () => reads };
}

interface Size { values: number; text: number; depth: number; replaced: boolean }

/** Everything in a decoded value, counted. */
function measure(value: unknown, size: Size = { values: 0, text: 0, depth: 0, replaced: false }, depth = 1): Size {
  size.values++;
  size.depth = Math.max(size.depth, depth);
  if (typeof value === 'string') {
    size.text += Buffer.byteLength(value);
    size.replaced ||= value.includes('\ufffd');
  }
  if (value instanceof Uint8Array) size.text += value.length;
  else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) measure(part, size, depth + 1);
  }
  return size;
}

const wireFormat: Target = {
  name: 'wire format',
  property: fc.property(fc.option(fc.uint8Array({ maxLength: 12 }), { nil: null }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (bytes, id) => {
    readOrRefuse(() => readSchemaId(bytes === null ? null : Buffer.from(bytes as Uint8Array)), WIRE_CODES);
    const framed = Buffer.alloc(HEADER_BYTES);
    writeHeader(framed, 0, id);
    if (readSchemaId(framed) !== id) throw new Error('an id did not come back as it was written');
  }),
};

const guard: Target = {
  name: 'avro guard',
  inputsPerRun: MUTANTS,
  property: fc.property(schemaAndBytes, ({ schema, valid, mutants }) => {
    const type = compileSchema(schema);
    const check = compileGuard(type, LIMITS);
    const text = JSON.stringify(schema);
    // Within the real limits whatever avsc writes passes; these small ones may be too small for it.
    compileGuard(type)(valid, 0);
    for (const bytes of mutants) tryGuard(type, check, bytes, text);
  }),
};

function tryGuard(type: Type, check: Guard, bytes: Buffer, schema: string): void {
  const counted = countReads(bytes);
  const passed = readOrRefuse(() => { check(counted.bytes, 0); return true; }, AVRO_CODES);
  // Each byte is looked at as a number's, as a number again, and as text: a few times, whatever lengths and counts it claims.
  holdTo('reads of the guard', counted.reads(), 8 * bytes.length + 16);
  if (passed !== true) return;
  const read = type.decode(bytes, 0);
  if (read.offset !== bytes.length) throw new Error(`avsc read ${read.offset} of ${bytes.length} bytes that the guard had passed`);
  const { values, text, depth, replaced } = measure(read.value);
  holdTo('values decoded', values, 2 * LIMITS.maxValues + 2);
  // Symbols of enums, of two letters here, stand for a byte each.
  holdTo('bytes of text decoded', text, bytes.length + 2 * values);
  // A tree takes a level for itself, and one for the list or map that it is in.
  holdTo('levels decoded', depth, 2 * LIMITS.maxDepth + 8);
  if (replaced && !bytes.includes('\ufffd')) throw new Error(`bytes that are no text were taken for some: ${bytes.toString('hex')} of ${schema}`);
  const again = type.toBuffer(read.value);
  if (!isDeepStrictEqual(type.fromBuffer(again), read.value)) throw new Error('what was decoded does not come back from its own bytes');
}

const codec: Target = {
  name: 'codec',
  property: fc.asyncProperty(schemaAndBytes, fc.boolean(), fc.integer({ min: 0, max: 3 }), async ({ schema, valid, mutants }, isMutated, idOff) => {
    const registry = createMemoryRegistry();
    const wrapped: AvroSchema = { type: 'record', name: 'Wrapped', namespace: 'fuzz', fields: [{ name: 'payload', type: schema }, { name: 'last', type: 'int', default: 7 }] };
    const narrow: AvroSchema = { type: 'record', name: 'Wrapped', namespace: 'fuzz', fields: [{ name: 'last', type: 'int', default: 7 }, { name: 'more', type: 'string', default: 'none' }] };
    const one = createCodec({ registry, clock: systemClock });
    const id = await registry.register('fuzz.Wrapped', wrapped);
    await one.load(id);
    const readers = [[wrapped], [narrow]].map((versions) => createReader<{ last: number; more?: string }>({ subject: 'fuzz.Wrapped', version: 1, versions }));
    const whole = Buffer.concat([valid, Buffer.of(84)]);
    for (const avro of isMutated ? mutants : [whole]) {
      const value = Buffer.concat([Buffer.alloc(HEADER_BYTES), avro]);
      writeHeader(value, 0, id + (isMutated ? idOff : 0));
      for (const reader of readers) {
        const payload = readOrRefuse(() => one.decode(value, reader), DECODE_CODES);
        if (isMutated) continue;
        if (payload?.last !== 42) throw new Error('a field behind a valid value was not read as it was written');
        if (reader === readers[1] && payload.more !== 'none') throw new Error('a default was not filled in');
      }
    }
  }),
};

const fastRead: Target = {
  name: 'avro fast read',
  inputsPerRun: DAMAGES,
  property: fc.property(damagedReads, ({ read: { writer, reader, bytes }, mutants }) => {
    const fast = compileFastRead(writer, reader);
    const check = compileFastCheck(writer);
    if (fast === null || check === null) return;
    const slow = slowRead(writer, reader);
    const slowCheck = compileGuard(writer, { ...DEFAULT_LIMITS, maxLong: MAX_WRITTEN_LONG });
    // Text with U+FFFD is left to the guard, which knows whether that was meant.
    if ((fast(bytes, 0) === undefined || !check(bytes, 0)) && !bytes.includes('\ufffd')) throw new Error(`gives up on ${bytes.toString('hex')}, with which nothing is wrong`);
    for (const one of [bytes, ...mutants]) {
      const payload = fast(one, 0);
      if (payload !== undefined && !isDeepStrictEqual(payload, slow(one, 0))) throw new Error(`reads ${one.toString('hex')} in another way than guard and avsc`);
      if (check(one, 0)) slowCheck(one, 0);
    }
  }),
};

export const avroTargets: readonly Target[] = [wireFormat, guard, codec, fastRead];
