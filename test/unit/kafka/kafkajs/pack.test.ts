import { randomBytes } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../shared/kafka/kafkajs/recordBatch/crc32c.ts';
import { decodeRecords } from '../../../../shared/kafka/kafkajs/recordBatch/decode.ts';
import { decompress } from '../../../../shared/kafka/kafkajs/recordBatch/decompress.ts';
import { encodeBatch } from '../../../../shared/kafka/kafkajs/recordBatch/encode.ts';
import { packBatch } from '../../../../shared/kafka/kafkajs/recordBatch/pack.ts';

const source = { producerId: 7n, producerEpoch: 1, firstSequence: 3 };
const batchOf = (records: number, value: (n: number) => Buffer): Buffer => encodeBatch(Array.from({ length: records }, (_, n) => ({ key: `k${n}`, value: value(n), headers: { h: String(n) } })), 1000, source);
const text = (n: number): Buffer => Buffer.from(`value ${n} of a kind`.repeat(5));

/** A record's key and headers are getters, which no comparison of records looks at. */
const allOf = (batch: Buffer): unknown => {
  const { records, nextOffset } = decodeRecords(batch, 0);
  return { nextOffset, records: records.map(({ offset, timestampMs, key, keyText, value, headers }) => ({ offset, timestampMs, key, keyText, value, headers })) };
};

describe.each(['gzip', 'zstd'] as const)('a batch packed with %s', (compression) => {
  it('holds the same records, sequence and checksum rules as the plain one, in less', async () => {
    const plain = batchOf(500, text);
    const packed = await packBatch(plain, compression);
    expect(packed.length).toBeLessThan(plain.length / 4);
    expect(allOf(packed)).toEqual(allOf(plain));
    expect(packed.readUInt32BE(17)).toBe(crc32c(packed, 21, packed.length));
    expect(packed.readInt32BE(8)).toBe(packed.length - 12);
    // All of the header beyond length, checksum and codec.
    expect(packed.subarray(23, 61).equals(plain.subarray(23, 61))).toBe(true);
  });

  it('is the plain one where that is small, so that a lone job waits for nobody', async () => {
    const plain = batchOf(3, text);
    expect(await packBatch(plain, compression)).toBe(plain);
  });

  it('is the plain one where nothing would be saved', async () => {
    const plain = batchOf(1, () => randomBytes(50_000));
    expect(await packBatch(plain, compression)).toBe(plain);
  });
});

describe('a packed body that grows beyond what is allowed', () => {
  const bomb = Buffer.alloc(100_000);
  it.each([['gzip', 1, gzipSync(bomb)], ['zstd', 4, zstdCompressSync(bomb)], ['zstd without its size', 4, zstdCompressSync(bomb, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })]] as const)('is refused (%s)', (_name, code, body) => {
    expect(decompress(body, code, 100_000).length).toBe(100_000);
    expect(() => decompress(body, code, 99_999)).toThrow(expect.objectContaining({ code: 'BROKER_REFUSED' }));
  });
});
