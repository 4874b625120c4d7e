import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unlz4 } from '../../../../shared/kafka/kafkajs/recordBatch/lz4.ts';
import { unsnappy } from '../../../../shared/kafka/kafkajs/recordBatch/snappy.ts';

const require = createRequire(import.meta.url);
const snappy = require('snappyjs') as { compress: (body: Buffer) => Buffer };
const lz4 = require('lz4js') as { compress: (body: Buffer) => Uint8Array };
const MANY = 1 << 24;

/** Java's stream around Snappy: a header, then blocks behind their lengths. */
function xerial(...blocks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e41505059000000000100000001', 'hex')];
  for (const block of blocks) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

/** From noise to long runs, as payloads are: pieces that come again near and far. */
const bodies = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.oneof(fc.constant(1), fc.nat(2000))), { maxLength: 30 })
  .map((pieces) => Buffer.concat([...pieces, ...pieces].map(([piece, times]) => Buffer.concat(Array.from({ length: times }, () => Buffer.from(piece))))));

const codecs = [
  { name: 'snappy', squeeze: (body: Buffer) => Buffer.from(snappy.compress(body)), restore: unsnappy },
  { name: 'snappy as Java frames it', squeeze: (body: Buffer) => xerial(snappy.compress(body.subarray(0, 1000)), snappy.compress(body.subarray(1000))), restore: unsnappy },
  { name: 'lz4', squeeze: (body: Buffer) => Buffer.from(lz4.compress(body)), restore: unlz4 },
];

describe.each(codecs)('what was compressed with $name', ({ squeeze, restore }) => {
  it('comes back, whatever it was', () => {
    fc.assert(fc.property(bodies, (body) => { expect(restore(squeeze(body), MANY).equals(body)).toBe(true); }), { numRuns: 60 });
  });

  it('is refused when it makes more than is allowed, before that is made', () => {
    const body = Buffer.alloc(100_000, 'ab');
    expect(() => restore(squeeze(body), 99_999)).toThrow(RangeError);
  });

  it('is refused, or is something else, when bytes of it are damaged or missing: nothing runs away', () => {
    fc.assert(fc.property(bodies, fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { maxLength: 4 }), fc.nat(20), (body, damages, cut) => {
      const squeezed = squeeze(body);
      for (const [at, byte] of damages) squeezed[at % squeezed.length] = byte;
      try {
        expect(restore(squeezed.subarray(0, squeezed.length - cut), MANY).length).toBeLessThanOrEqual(MANY);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }), { numRuns: 300 });
  });
});

describe('bytes that were never compressed', () => {
  it.each([
    ['a literal whose length is negative to who reads it with a sign', unsnappy, '0e0f00cb3893fc50bc8cab3646e08ee25ddebedc12341f7ae31fdc83f50d244635423c4e1b6af78b9611ec07ecb0779bdb6b1ef12edd3976663fc1'],
    ['a block that claims 256 MB', unsnappy, 'ffffff7f00'],
    ['a copy from before the beginning', unsnappy, '050061150a'],
    ['a size that does not end', unsnappy, 'ffffffffffff'],
    ['a frame whose block holds noise', unlz4, '04224d184070dfb83fb1a8fe5e61ea7b60f4edb9b80ffe557d14216f5357f37a24b1e4b829505968c56e4a03d2e2f2'],
    ['a block longer than the frame', unlz4, '04224d184070df48c48627f4fc9e36e5b5db97feb327310eb13c53d71bd60acb2ca5936050166fa529cd3c4ec01db5'],
    ['nothing', unlz4, ''],
  ])('are refused at once: %s', (_what, restore, hex) => {
    expect(() => restore(Buffer.from(hex, 'hex'), MANY)).toThrow(RangeError);
  });
});
