import { describe, expect, it } from 'vitest';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { createPayloadForm } from '../../../shared/intake/payloadForm.ts';

/** One field `v` of the type, read from JSON; what is read must be what Avro can write. */
function readField(type: unknown, json: unknown): unknown {
  const avro = { type: 'record', name: 'test.R', fields: [{ name: 'v', type }] } as AvroSchema;
  const payload = createPayloadForm({ subject: 'test.R', version: 1, versions: [avro] })({ v: json }, 'payload') as { v: unknown };
  const compiled = compileSchema(avro);
  return (compiled.fromBuffer(compiled.toBuffer(payload)) as { v: unknown }).v;
}

function flawsOf(type: unknown, json: unknown): string[] {
  try {
    readField(type, json);
  } catch (error) {
    if (isMillraceError(error, 'BAD_PAYLOAD')) return error.detail.fields?.map(({ field }) => field) ?? [];
    throw error;
  }
  return [];
}

const logical = (type: string, logicalType: string, more: object = {}) => ({ type, logicalType, ...more });
const inner = { type: 'record', name: 'Inner', fields: [{ name: 'a', type: 'int' }, { name: 'b', type: 'string', default: 'x' }] };
const decimal = (text: string): Buffer => Buffer.from(text, 'hex');

describe('the JSON form of Avro data', () => {
  it.each<[name: string, type: unknown, json: unknown, read: unknown]>([
    ['bytes as base64', 'bytes', 'AP8=', Buffer.from([0, 255])],
    ['bytes as base64url without padding', 'bytes', '-_8', Buffer.from([0xfb, 0xff])],
    ['no bytes', 'bytes', '', Buffer.alloc(0)],
    ['fixed', { type: 'fixed', name: 'F', size: 2 }, 'AP8=', Buffer.from([0, 255])],
    ['a long as text', 'long', '4503599627370495', 4503599627370495],
    ['a long as a number', 'long', -42, -42],
    ['NaN', 'double', 'NaN', NaN],
    ['minus infinity', 'float', '-Infinity', -Infinity],
    ['null of a union', ['null', 'string'], null, null],
    ['the branch that fits', ['null', 'string'], 'a', 'a'],
    ['the first branch that fits, where several do', ['int', 'double'], 1, { int: 1 }],
    ['the later branch where the first does not fit', ['int', 'double'], 1.5, { double: 1.5 }],
    ['a branch by its name', ['int', 'double'], { double: 1 }, { double: 1 }],
    ['a branch by its name, where none need be named', ['null', 'string'], { string: 'a' }, 'a'],
    ['a record in a union, with its default', ['null', inner], { a: 1 }, { a: 1, b: 'x' }],
    ['a record by its full name', ['null', inner], { 'test.Inner': { a: 1 } }, { a: 1, b: 'x' }],
    ['a day', logical('int', 'date'), '1970-03-01', 59],
    ['a day as a number', logical('int', 'date'), 59, 59],
    ['a time to the ms', logical('long', 'timestamp-millis'), '1970-01-01T01:00:00.5+01:00', 500],
    ['a time to the µs', logical('long', 'timestamp-micros'), '1970-01-01T00:00:00.000123Z', 123],
    ['a time of day', logical('int', 'time-millis'), '00:01:00.25', 60_250],
    ['a time of day to the µs', logical('long', 'time-micros'), '00:00:01.000002', 1_000_002],
    ['a decimal', logical('bytes', 'decimal', { precision: 6, scale: 2 }), '12.5', decimal('04e2')],
    ['a negative decimal', logical('bytes', 'decimal', { precision: 6, scale: 2 }), '-1.28', decimal('80')],
    ['a decimal of a fixed size', { type: 'fixed', name: 'D', size: 3, logicalType: 'decimal', precision: 6, scale: 2 }, '-0.01', decimal('ffffff')],
    ['a logical type in a union', ['null', logical('long', 'timestamp-millis')], '1970-01-01T00:00:01Z', 1000],
    ['a logical type in a list', { type: 'array', items: logical('int', 'date') }, ['1970-01-02', 2], [1, 2]],
    ['a map', { type: 'map', values: 'int' }, { a: 1, constructor: 2 }, { a: 1, constructor: 2 }],
  ])('reads %s', (_, type, json, read) => {
    expect(readField(type, json)).toEqual(read);
  });

  it.each<[name: string, type: unknown, json: unknown, field: string]>([
    ['a number for bytes', 'bytes', 1, 'payload.v'],
    ['text that is no base64', 'bytes', 'a b', 'payload.v'],
    ['base64 of an impossible length', 'bytes', 'AAAAA', 'payload.v'],
    ['fixed of another size', { type: 'fixed', name: 'F', size: 2 }, 'AA==', 'payload.v'],
    ['an int too large', 'int', 2 ** 31, 'payload.v'],
    ['a fraction for a long', 'long', 1.5, 'payload.v'],
    ['a long beyond what JSON tells apart', 'long', '9007199254740993', 'payload.v'],
    ['a number beyond doubles', 'double', Infinity, 'payload.v'],
    ['a value that fits no branch', ['null', 'int'], 'a', 'payload.v'],
    ['a record in a union, by the field that is wrong', ['null', inner], { a: 'x' }, 'payload.v.a'],
    ['a field without a default that is missing', inner, {}, 'payload.v.a'],
    ['a field that the schema lacks', inner, { a: 1, c: 2 }, 'payload.v.c'],
    ['a day that no calendar has', logical('int', 'date'), '2026-02-30', 'payload.v'],
    ['a time without its offset', logical('long', 'timestamp-millis'), '2026-01-01T00:00:00', 'payload.v'],
    ['a decimal with too many digits after the point', logical('bytes', 'decimal', { precision: 6, scale: 2 }), '1.234', 'payload.v'],
    ['a decimal with too many digits', logical('bytes', 'decimal', { precision: 6, scale: 2 }), '12345.67', 'payload.v'],
    ['a UUID that is none', logical('string', 'uuid'), 'x', 'payload.v'],
    ['__proto__ as a key', { type: 'map', values: 'int' }, JSON.parse('{"__proto__": 1}'), 'payload.v.__proto__'],
    ['an item of a list', { type: 'array', items: 'int' }, [1, 'x'], 'payload.v.1'],
  ])('refuses %s, and names the field', (_, type, json, field) => {
    expect(flawsOf(type, json)).toEqual([field]);
  });

  it('reads a type that holds itself as deep as it goes', () => {
    const tree = { type: 'record', name: 'Tree', fields: [{ name: 'n', type: 'int' }, { name: 'next', type: ['null', 'Tree'], default: null }] };
    expect(readField(tree, { n: 1, next: { n: 2 } })).toEqual({ n: 1, next: { n: 2, next: null } });
    expect(flawsOf(tree, { n: 1, next: { n: 2, next: { n: '3' } } })).toEqual(['payload.v.next.next.n']);
  });
});
