import fc from 'fast-check';
import type { Type } from 'avsc';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';
import { compileFastCheck, compileFastRead, type FastRead } from '../../../shared/avro/compileFastRead.ts';
import { compileGuard } from '../../../shared/avro/guardAvro.ts';
import { DEFAULT_LIMITS, MAX_WRITTEN_LONG } from '../../../shared/avro/guardLimits.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { arbitraryRead, damagedReads, slowRead } from './arbitraryRead.ts';
import { recordOf, varint } from './avroBytes.ts';

/** What is left to avsc among these schemas: items that may take no bytes, and unions in which it reads text as bytes, or bytes as text. */
function isLeftToAvsc(type: Type): boolean {
  const parts = type as unknown as { itemsType?: Type; valuesType?: Type; types?: readonly Type[]; fields?: readonly { type: Type }[] };
  const inside = [parts.itemsType, parts.valuesType, ...(parts.types ?? []), ...(parts.fields ?? []).map((field) => field.type)].filter((part) => part !== undefined);
  const branches = (parts.types ?? []).map(({ typeName }) => typeName);
  if (branches.includes('string') && branches.includes('bytes')) return true;
  if (parts.itemsType !== undefined && takesNoBytes(parts.itemsType)) return true;
  return inside.some(isLeftToAvsc);
}

function takesNoBytes(type: Type): boolean {
  const { size, fields } = type as unknown as { size?: number; fields?: readonly { type: Type }[] };
  return type.typeName === 'null' || size === 0 || (fields?.every((field) => takesNoBytes(field.type)) ?? false);
}

test('reads whatever avsc writes as avsc reads it, for a reader of the same version or of another', () => {
  let read = 0;
  fc.assert(
    fc.property(arbitraryRead, fc.integer({ min: 0, max: 6 }), ({ writer, reader, bytes }, start) => {
      const fast = compileFastRead(writer, reader);
      expect(fast === null).toBe(isLeftToAvsc(writer));
      if (fast === null || bytes.includes('\ufffd')) return;
      const framed = Buffer.concat([Buffer.alloc(start, 0xff), bytes]);
      const payload = fast(framed, start);
      if (!isDeepStrictEqual(payload, slowRead(writer, reader)(framed, start))) expect(payload).toStrictEqual(slowRead(writer, reader)(framed, start));
      framed.fill(0);
      expect(isDeepStrictEqual(payload, slowRead(writer, reader)(bytes, 0)), 'what was read is no copy').toBe(true);
      read++;
    }),
    { numRuns: 1000 },
  );
  expect(read).toBeGreaterThan(500);
});

test('of damaged bytes reads only what the guard lets pass, as avsc reads it, and leaves the rest to them', () => {
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(damagedReads, ({ read: { writer, reader }, mutants }) => {
      const fast = compileFastRead(writer, reader);
      if (fast === null) return;
      const slow = slowRead(writer, reader);
      for (const bytes of mutants) {
        const payload = fast(bytes, 0);
        if (payload === undefined) refused++;
        else if (isDeepStrictEqual(payload, slow(bytes, 0))) read++;
        else expect(payload, bytes.toString('hex')).toStrictEqual(slow(bytes, 0));
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(500);
});

const passesGuard = (type: Type, bytes: Buffer): boolean => {
  try {
    compileGuard(type, { ...DEFAULT_LIMITS, maxLong: MAX_WRITTEN_LONG })(bytes, 0);
    return true;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return false;
  }
};

test('passes whatever a writer may write, and of damaged bytes only what the guard lets pass', () => {
  let passed = 0;
  fc.assert(
    fc.property(damagedReads, ({ read: { writer, bytes }, mutants }) => {
      const check = compileFastCheck(writer);
      if (check === null) return;
      if (!bytes.includes('\ufffd')) expect(check(bytes, 0)).toBe(true);
      for (const one of mutants) {
        if (!check(one, 0)) continue;
        passed++;
        expect(passesGuard(writer, one), one.toString('hex')).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
  expect(passed).toBeGreaterThan(300);
});

test.each<[string, AvroSchema, Buffer]>([
  ['the greatest long that is written', 'long', varint(2 ** 52 - 1)],
  ['the least long that is written', 'long', varint(-(2 ** 52) + 1)],
  ['a short text', 'string', Buffer.of(4, 0xc3, 0xa9)],
])('passes %s', (_name, schema, bytes) => {
  expect(compileFastCheck(compileSchema(schema))?.(bytes, 0)).toBe(true);
});

test.each<[string, AvroSchema, Buffer]>([
  ['a long that avsc reads but does not write', 'long', varint(2 ** 52)],
  ['a short text of a lone surrogate', 'string', Buffer.of(6, 0xed, 0xa0, 0x80)],
  ['a long text with what avsc puts for a lone surrogate', 'string', Buffer.concat([varint(100), Buffer.alloc(97, 0x61), Buffer.from('\ufffd')])],
])('does not pass %s', (_name, schema, bytes) => {
  expect(compileFastCheck(compileSchema(schema))?.(bytes, 0)).toBe(false);
});

const text = (value: string): Buffer => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]);
const array = (items: AvroSchema): AvroSchema => ({ type: 'array', items });
const map = (values: AvroSchema): AvroSchema => ({ type: 'map', values });

function readSame(schema: AvroSchema, bytes: Buffer): { readonly fast: unknown; readonly slow: unknown } {
  const type = compileSchema(schema);
  const fast = compileFastRead(type, type) as FastRead;
  return { fast: fast(bytes, 0), slow: slowRead(type, type)(bytes, 0) };
}

test('reads texts of every length, with a letter beyond ASCII at any place or none', () => {
  const type = compileSchema('string');
  const read = compileFastRead(type, type) as FastRead;
  for (let length = 0; length <= 70; length++) {
    const plain = Array.from({ length }, (_, i) => String.fromCharCode(33 + i));
    expect(read(text(plain.join('')), 0)).toBe(plain.join(''));
    for (let at = 0; at < length; at++) {
      const accented = plain.with(at, 'é').join('');
      expect(read(text(accented), 0)).toBe(accented);
    }
  }
});

test.each<[string, AvroSchema, Buffer]>([
  ['the greatest long that is kept', 'long', varint(2 ** 53 - 2)],
  ['the least long that is kept', 'long', varint(-(2 ** 52) + 1)],
  ['a long that is longer than it need be', 'long', Buffer.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)],
  ['the least int', 'int', varint(-(2 ** 31))],
  ['the greatest int', 'int', varint(2 ** 31 - 1)],
  ['a negative zero', 'double', Buffer.of(0, 0, 0, 0, 0, 0, 0, 0x80)],
  ['a text of more than 63 bytes', 'string', text('x'.repeat(64))],
  ['a text longer than a native call is worth', 'string', text('é'.repeat(5000))],
  ['an array in several blocks', array('int'), Buffer.concat([varint(2), varint(1), varint(2), varint(1), varint(3), varint(0)])],
  ['blocks that tell their size', array('int'), Buffer.concat([varint(-2), varint(2), varint(1), varint(2), varint(-1), varint(1), varint(3), varint(0)])],
  ['a map with one key twice', map('int'), Buffer.concat([varint(2), text('a'), varint(1), text('a'), varint(2), varint(0)])],
  ['an enum of a hundred symbols', { type: 'enum', name: 'E', symbols: Array.from({ length: 100 }, (_, i) => `S${String(i)}`) }, varint(99)],
  ['fields with names that mean something in JavaScript', { type: 'record', name: 'R', fields: [{ name: 'arguments', type: 'int' }, { name: 'return', type: 'int' }] }, Buffer.concat([varint(1), varint(2)])],
])('reads %s', (_name, schema, bytes) => {
  const { fast, slow } = readSame(schema, bytes);
  expect(slow).toBeDefined();
  expect(fast).toStrictEqual(slow);
});

test.each<[string, AvroSchema, Buffer]>([
  ['a long that would lose digits', 'long', varint(2 ** 53 - 1)],
  ['a negative long that would lose digits', 'long', varint(-(2 ** 52))],
  ['an int of 33 bits', 'int', varint(2 ** 31)],
  ['an int of six bytes', 'int', Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x00)],
  ['a short text that is no UTF-8', 'string', Buffer.of(4, 0x61, 0xff)],
  ['a long text that ends inside a letter', 'string', Buffer.concat([varint(81), Buffer.alloc(80, 0x61), Buffer.of(0xc3)])],
  ['a surrogate, written as if it were a letter', 'string', Buffer.of(6, 0xed, 0xa0, 0x80)],
  ['a key that would become the prototype', map('int'), Buffer.concat([varint(1), text('__proto__'), varint(1), varint(0)])],
  ['a block shorter than it says', array('int'), Buffer.concat([varint(-2), varint(3), varint(1), varint(2), varint(0), varint(0)])],
  ['a block that says it ends before the beginning', array('int'), Buffer.concat([varint(-1), varint(-3), varint(1), varint(0)])],
  ['an array of 2^26 items in five bytes', array('int'), Buffer.concat([varint(2 ** 26), varint(0)])],
  ['a text of 2^40 bytes', 'string', varint(2 ** 40)],
  ['more than a million values', array('boolean'), Buffer.concat([varint(1_000_001), Buffer.alloc(1_000_001), varint(0)])],
  ['more than a million values, with their fields', array(recordOf('boolean', 'null', 'null')), Buffer.concat([varint(200_001), Buffer.alloc(200_001), varint(0)])],
])('leaves %s to the guard, which refuses it', (_name, schema, bytes) => {
  expect(readSame(schema, bytes)).toEqual({ fast: undefined, slow: undefined });
});

test('leaves a value of more than 64 MB to the guard, which refuses it', () => {
  const length = 64 * 1024 * 1024;
  expect(readSame('string', Buffer.concat([varint(length), Buffer.alloc(length)]))).toEqual({ fast: undefined, slow: undefined });
});

test('is made at once for a schema as large as is admitted: a stranger registers it, and everybody would stand until it is made', () => {
  const symbols = Array.from({ length: 18_000 }, (_, i) => `S${String(i)}`);
  const fields = Array.from({ length: 250 }, (_, i) => ({ name: `e${String(i)}`, type: i === 0 ? { type: 'enum', name: 'E', symbols } : 'E' }));
  const type = compileSchema({ type: 'record', name: 'R', fields });
  const read = compileFastRead(type, type) as FastRead;
  expect(read(Buffer.concat(fields.map(() => varint(17_999))), 0)).toMatchObject({ e0: 'S17999', e249: 'S17999' });
});

describe('is not made for', () => {
  const recordNamed = (name: string, ...aliases: readonly string[]): AvroSchema => ({ type: 'record', name, aliases, fields: [] });
  const enumOf = (...symbols: readonly string[]): AvroSchema => ({ type: 'enum', name: 'E', symbols, default: symbols[0] });
  test.each<[string, AvroSchema, AvroSchema]>([
    ['a type inside itself', recordOf(['null', 'R']), recordOf(['null', 'R'])],
    ['a wrapped union', recordOf(['int', 'long']), recordOf(['int', 'long'])],
    ['a promotion', recordOf('int'), recordOf('double')],
    ['a promotion inside a union', recordOf(['null', 'int']), recordOf(['null', 'long'])],
    ['text as bytes', recordOf(['null', 'string']), recordOf(['null', 'bytes'])],
    ['a renamed record', recordNamed('Old'), recordNamed('New', 'Old')],
    ['symbols that the reader takes for its default', enumOf('A', 'B'), enumOf('A')],
    ['one written field for two', recordOf('int'), { type: 'record', name: 'R', fields: [{ name: 'f0', type: 'int' }, { name: 'f1', aliases: ['f0'], type: 'int' }] }],
    ['items that take no bytes', array('null'), array('null')],
  ])('%s', (_name, written, read) => {
    const writer = compileSchema(written);
    const reader = compileSchema(read);
    reader.createResolver(writer);
    expect(compileFastRead(writer, reader)).toBeNull();
  });
});
