import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_INT_BYTES, MAX_LONG_BYTES, MAX_TEXT_BYTES, writeDouble, writeInt, writeLong, writeText } from '../../../shared/avro/writeBytes.ts';

const types = {
  int: avsc.Type.forSchema('int'), long: avsc.Type.forSchema('long'), double: avsc.Type.forSchema('double'), string: avsc.Type.forSchema('string'),
};
const PAD = 3;

/** What a writer leaves in a buffer that was full of other things, from where it began to where it says that it ended. */
function written(write: (target: Buffer, at: number) => number, room = 64): Buffer {
  const target = Buffer.alloc(PAD + room, 0xaa);
  const end = write(target, PAD);
  expect(target.subarray(0, PAD)).toEqual(Buffer.alloc(PAD, 0xaa));
  return target.subarray(PAD, end);
}

const anyInt = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31)));
const anyLong = fc.oneof(
  fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 53 - 2 }), anyInt,
  fc.integer({ min: -4, max: 4 }).chain((off) => fc.constantFrom(...[27, 28, 31, 32, 34, 35, 48, 51].flatMap((bits) => [2 ** bits + off, -(2 ** bits) - off]))),
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 200 }), fc.string({ maxLength: 200 }),
  fc.constantFrom('', 'a'.repeat(16), 'a'.repeat(17), '\u007f', '\u0080', 'a'.repeat(63), 'a'.repeat(64), `${'a'.repeat(63)}é`, 'ü'.repeat(32), 'a'.repeat(8191), 'a'.repeat(8192), '😀'.repeat(1250)),
);

describe('values written by hand', () => {
  it('are byte for byte those of avsc: ints, longs, doubles, and texts', () => {
    fc.assert(fc.property(anyInt, (value) => { expect(written((target, at) => writeInt(target, at, value))).toEqual(types.int.toBuffer(value)); }));
    fc.assert(fc.property(anyLong, (value) => {
      const bytes = written((target, at) => writeLong(target, at, value));
      expect(types.long.fromBuffer(bytes)).toBe(value);
      if (Math.abs(value) < 2 ** 52) expect(bytes).toEqual(types.long.toBuffer(value));
      expect(bytes.length).toBeLessThanOrEqual(MAX_LONG_BYTES);
    }), { numRuns: 500 });
    fc.assert(fc.property(fc.double(), (value) => { expect(written((target, at) => writeDouble(target, at, value))).toEqual(types.double.toBuffer(value)); }));
    fc.assert(fc.property(anyText, (text) => {
      const bytes = written((target, at) => writeText(target, at, text), text.length * MAX_TEXT_BYTES + MAX_INT_BYTES);
      expect(bytes).toEqual(types.string.toBuffer(text.toWellFormed()));
      expect(bytes.length).toBeLessThanOrEqual(text.length * MAX_TEXT_BYTES + MAX_INT_BYTES);
    }), { numRuns: 500 });
  });

  it.each([
    ['short', '\ud800'], ['short', 'abc\udfff'], ['long', `${'a'.repeat(40)}\udc00b`], ['long', `${'ü'.repeat(40)}\ud83d`], ['backwards', '\ude00\ud83d'],
  ])('hold U+FFFD for half a character in a %s text, which readers would refuse', (_length, text) => {
    const bytes = written((target, at) => writeText(target, at, text), 200);
    expect(types.string.fromBuffer(bytes)).toBe(text.toWellFormed());
  });

  it.each([
    [2 ** 53, 2 ** 53 - 2], [Number.MAX_SAFE_INTEGER, 2 ** 53 - 2], [Infinity, 2 ** 53 - 2], [-(2 ** 53), -(2 ** 52) + 1], [-(2 ** 52), -(2 ** 52) + 1], [-Infinity, -(2 ** 52) + 1],
    [NaN, 0], [1e12 + 0.5, 1e12], [-0.5, 0],
  ])('are the nearest long that every reader takes: %d becomes %d', (value, nearest) => {
    expect(types.long.fromBuffer(written((target, at) => writeLong(target, at, value)))).toBe(nearest);
  });
});
