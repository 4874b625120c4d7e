import { expect, test } from 'vitest';
import { HEADER_BYTES, readSchemaId, writeHeader } from '../../../shared/avro/wireFormat.ts';
import { codeThrownBy, framed } from './avroBytes.ts';

test.each<[string, Buffer | null, string | number]>([
  ['null', null, 'WIRE_EMPTY'],
  ['no bytes', Buffer.alloc(0), 'WIRE_EMPTY'],
  ['one byte', Buffer.of(0), 'WIRE_MAGIC'],
  ['the magic byte and three bytes of an id', Buffer.of(0, 0, 0, 1), 'WIRE_MAGIC'],
  ['a wrong magic byte', Buffer.of(1, 0, 0, 0, 1, 2), 'WIRE_MAGIC'],
  ['JSON', Buffer.from('{"a":1}'), 'WIRE_MAGIC'],
  ['a header alone', framed(1, Buffer.alloc(0)), 1],
  ['id 0', framed(0, Buffer.of(2)), 0],
  ['the greatest id', framed(2 ** 31 - 1, Buffer.of(2)), 2 ** 31 - 1],
  ['a negative id', framed(-1, Buffer.of(2)), -1],
])('reads the schema id, or says what is wrong, for %s', (_name, value, answer) => {
  if (typeof answer === 'string') expect(codeThrownBy(() => readSchemaId(value))).toBe(answer);
  else expect(readSchemaId(value)).toBe(answer);
});

test('reads back the id that it wrote, wherever that is in a buffer', () => {
  const slab = Buffer.alloc(20, 0xff);
  writeHeader(slab, 7, 123_456_789);
  expect(readSchemaId(slab.subarray(7))).toBe(123_456_789);
  expect(slab[7 + HEADER_BYTES]).toBe(0xff);
});
