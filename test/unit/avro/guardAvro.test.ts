import { describe, expect, test } from 'vitest';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';
import { compileGuard } from '../../../shared/avro/guardAvro.ts';
import { DEFAULT_LIMITS, type GuardLimits } from '../../../shared/avro/guardLimits.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { codeThrownBy, recordOf, varint } from './avroBytes.ts';

const check = (schema: AvroSchema, bytes: Buffer, limits?: GuardLimits): string | null => {
  const guard = compileGuard(compileSchema(schema), limits);
  return codeThrownBy(() => { guard(bytes, 0); });
};

const list: AvroSchema = { type: 'record', name: 'List', fields: [{ name: 'next', type: ['null', 'List'] }] };
const nested = (levels: number): Buffer => Buffer.concat([Buffer.alloc(levels, 2), Buffer.of(0)]);

describe('the guard', () => {
  test.each<[string, AvroSchema, Buffer, string | null]>([
    ['a union index that is too high', ['null', 'int'], Buffer.of(4), 'AVRO_INVALID'],
    ['a negative union index', ['null', 'int'], Buffer.of(1), 'AVRO_INVALID'],
    ['an enum index that is too high', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, Buffer.of(4), 'AVRO_INVALID'],
    ['a negative enum index', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, Buffer.of(1), 'AVRO_INVALID'],
    ['a varint that never ends', 'long', Buffer.alloc(50, 0xff), 'AVRO_INVALID'],
    ['a long of eleven bytes', 'long', Buffer.concat([Buffer.alloc(10, 0x80), Buffer.of(0)]), 'AVRO_INVALID'],
    ['a long of more than 64 bits', 'long', Buffer.concat([Buffer.alloc(9, 0x80), Buffer.of(2)]), 'AVRO_INVALID'],
    ['an int of six bytes', 'int', Buffer.concat([Buffer.alloc(5, 0x80), Buffer.of(0)]), 'AVRO_INVALID'],
    ['an int of more than 32 bits', 'int', varint(2 ** 31), 'AVRO_INVALID'],
    ['the greatest int', 'int', varint(2 ** 31 - 1), null],
    ['the least int', 'int', varint(-(2 ** 31)), null],
    ['a negative string length', 'string', varint(-1), 'AVRO_INVALID'],
    ['a string length of 2^40', 'string', varint(2 ** 40), 'AVRO_TRUNCATED'],
    ['a bytes length of 2^62', 'bytes', varint(2n ** 62n), 'AVRO_TRUNCATED'],
    ['a negative bytes length', 'bytes', varint(-5), 'AVRO_INVALID'],
    ['200 million nulls in six bytes', { type: 'array', items: 'null' }, Buffer.concat([varint(200_000_000), Buffer.of(0)]), 'AVRO_UNSAFE'],
    ['200 million nulls in a sized block', { type: 'array', items: 'null' }, Buffer.concat([varint(-200_000_000), Buffer.of(0, 0)]), 'AVRO_UNSAFE'],
    ['ten thousand nulls', { type: 'array', items: 'null' }, Buffer.concat([varint(10_000), Buffer.of(0)]), null],
    ['one null more', { type: 'array', items: 'null' }, Buffer.concat([varint(10_001), Buffer.of(0)]), 'AVRO_UNSAFE'],
    ['nulls in many full blocks', { type: 'array', items: 'null' }, Buffer.concat([...Array.from({ length: 101 }, () => varint(10_000)), Buffer.of(0)]), 'AVRO_UNSAFE'],
    ['nulls in many full arrays', { type: 'array', items: { type: 'array', items: 'null' } }, Buffer.concat([varint(101), ...Array.from({ length: 101 }, () => Buffer.concat([varint(10_000), Buffer.of(0)])), Buffer.of(0)]), 'AVRO_UNSAFE'],
    ['50 million longs that are not there', { type: 'array', items: 'long' }, varint(50_000_000), 'AVRO_TRUNCATED'],
    ['50 million map entries that are not there', { type: 'map', values: 'null' }, varint(50_000_000), 'AVRO_TRUNCATED'],
    ['the least count of all', { type: 'array', items: 'long' }, Buffer.concat([varint(-(2n ** 63n)), Buffer.of(0)]), 'AVRO_TRUNCATED'],
    ['a block size that is too small', { type: 'array', items: 'int' }, Buffer.of(3, 2, 2, 2, 0), 'AVRO_INVALID'],
    ['a block size that is too large', { type: 'array', items: 'int' }, Buffer.of(3, 6, 2, 2, 0, 0), 'AVRO_INVALID'],
    ['a negative block size', { type: 'array', items: 'int' }, Buffer.of(3, 3, 2, 2, 0), 'AVRO_INVALID'],
    ['a block size that is right', { type: 'array', items: 'int' }, Buffer.of(3, 4, 2, 2, 0), null],
    ['a hundred thousand levels', list, nested(100_000), 'AVRO_UNSAFE'],
    ['256 levels', list, nested(256), null],
    ['257 levels', list, nested(257), 'AVRO_UNSAFE'],
    ['a thousand lists of 200 levels, one beside the other', { type: 'array', items: list }, Buffer.concat([varint(1000), ...Array.from({ length: 1000 }, () => nested(200)), Buffer.of(0)]), null],
    ['a record that contains itself and never ends', { type: 'record', name: 'R', fields: [{ name: 'r', type: 'R' }] }, Buffer.alloc(0), 'AVRO_UNSAFE'],
    ['a map key __proto__', { type: 'map', values: 'int' }, Buffer.concat([Buffer.of(2, 18), Buffer.from('__proto__'), Buffer.of(2, 0)]), 'AVRO_UNSAFE'],
    ['a map key __proto_x', { type: 'map', values: 'int' }, Buffer.concat([Buffer.of(2, 18), Buffer.from('__proto_x'), Buffer.of(2, 0)]), null],
    ['a text that is not UTF-8', 'string', Buffer.of(4, 0xc3, 0x28), 'AVRO_INVALID'],
    ['a long text that is not UTF-8', 'string', Buffer.concat([varint(300), Buffer.alloc(299, 0x61), Buffer.of(0xff)]), 'AVRO_INVALID'],
    ['a text with a lone surrogate', 'string', Buffer.of(6, 0xed, 0xa0, 0x80), 'AVRO_INVALID'],
    ['a text with an overlong slash', 'string', Buffer.of(4, 0xc0, 0xaf), 'AVRO_INVALID'],
    ['a text in three scripts', 'string', Buffer.concat([varint(Buffer.byteLength('aé漢😀')), Buffer.from('aé漢😀')]), null],
    ['a boolean of 7', 'boolean', Buffer.of(7), 'AVRO_INVALID'],
    ['a long of 2^53', 'long', varint(2 ** 53), 'AVRO_UNSAFE'],
    ['a long of 2^53 - 2', 'long', varint(2 ** 53 - 2), null],
    ['a long of -2^52 + 1', 'long', varint(-(2 ** 52) + 1), null],
    ['a long of -2^52 - 1, whose sign avsc would lose', 'long', varint(-(2 ** 52) - 1), 'AVRO_UNSAFE'],
    ['the greatest long', 'long', varint(2n ** 63n - 1n), 'AVRO_UNSAFE'],
    ['the least long', 'long', varint(-(2n ** 63n)), 'AVRO_UNSAFE'],
    ['the last millisecond that a Date knows', 'long', varint(8_640_000_000_000_000), null],
    ['a double of NaN', 'double', Buffer.of(0, 0, 0, 0, 0, 0, 0xf8, 0x7f), null],
    ['a double of minus infinity', 'double', Buffer.of(0, 0, 0, 0, 0, 0, 0xf0, 0xff), null],
    ['half a double', 'double', Buffer.alloc(4), 'AVRO_TRUNCATED'],
    ['half a fixed', { type: 'fixed', name: 'F', size: 16 }, Buffer.alloc(15), 'AVRO_TRUNCATED'],
    ['JSON in place of Avro', recordOf('string', 'long', 'double'), Buffer.from('{"orderId":"1","amount":12.5}'), 'AVRO_INVALID'],
    ['one byte too many', recordOf('string', 'long'), Buffer.of(2, 0x61, 2, 0), 'AVRO_TRAILING'],
  ])('answers %s', (_name, schema, bytes, code) => {
    expect(check(schema, bytes)).toBe(code);
  });

  test('is not tired by a refusal: the next value is judged by itself', () => {
    const guard = compileGuard(compileSchema(list));
    for (let i = 0; i < 300; i++) expect(codeThrownBy(() => { guard(nested(1000), 0); })).toBe('AVRO_UNSAFE');
    guard(nested(200), 0);
  });

  test('says where in the bytes it stopped, and what belongs there', () => {
    const guard = compileGuard(compileSchema(recordOf('string', 'boolean')));
    expect(() => { guard(Buffer.of(2, 0x61, 9), 0); }).toThrow('byte 2): expected a boolean of 0 or 1, got 9');
  });

  test('refuses a value that is larger than allowed before it looks inside', () => {
    expect(check('bytes', Buffer.alloc(101), { ...DEFAULT_LIMITS, maxBytes: 100 })).toBe('AVRO_UNSAFE');
  });

  test('counts every value, so that a schema of doubling records cannot make thousands out of nothing', () => {
    // R0 is empty, R1 holds two R0, ... R30 holds 2^30: no bytes at all.
    let schema: AvroSchema = { type: 'record', name: 'R0', fields: [] };
    for (let i = 1; i <= 30; i++) schema = { type: 'record', name: `R${String(i)}`, fields: [{ name: 'a', type: schema }, { name: 'b', type: `R${String(i - 1)}` }] };
    expect(check(schema, Buffer.alloc(0))).toBe('AVRO_UNSAFE');
  });

  test('allocates next to nothing for bytes that ask for gigabytes', () => {
    const guard = compileGuard(compileSchema({ type: 'array', items: 'null' }));
    const bomb = Buffer.concat([varint(200_000_000), Buffer.of(0)]);
    const started = performance.now();
    const before = process.memoryUsage();
    for (let i = 0; i < 100; i++) expect(codeThrownBy(() => { guard(bomb, 0); })).toBe('AVRO_UNSAFE');
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(20 * 1024 * 1024);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
