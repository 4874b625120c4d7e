import { gzipSync, zstdCompressSync } from 'node:zlib';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../../../shared/kafka/port.ts';
import { crc32c } from '../../../../shared/kafka/kafkajs/recordBatch/crc32c.ts';
import { decodeRecords } from '../../../../shared/kafka/kafkajs/recordBatch/decode.ts';
import { encodeBatch, recordBytes } from '../../../../shared/kafka/kafkajs/recordBatch/encode.ts';

const require = createRequire(import.meta.url);
const theirDecoder = require('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: object) => Promise<{ records: { offset: string; key: Buffer | null; value: Buffer | null; timestamp: string }[]; producerId: string; producerEpoch: number; firstSequence: number }>;
const Decoder = require('kafkajs/src/protocol/decoder.js') as new (buffer: Buffer) => object;
const theirRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => object;
const snappy = require('snappyjs') as { compress: (body: Buffer) => Buffer };
const lz4 = require('lz4js') as { compress: (body: Buffer) => Uint8Array };
const { RecordBatch: theirBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js') as { RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> };
const theirCrc32c = require('kafkajs/src/protocol/recordBatch/crc32C/index.js') as (buffer: Buffer) => number;

const source = { producerId: 77n, producerEpoch: 3, firstSequence: 12 };
const NOW = 1_900_000_000_123;
const encode = (records: OutgoingRecord[], from: { producerId: bigint } = source): Buffer => encodeBatch(records, NOW, { ...source, ...from });
const plain = (value: string): OutgoingRecord => ({ key: null, value: Buffer.from(value) });

/** A batch as the broker stores it: with its place in the log. */
function placed(batch: Buffer, baseOffset: number, change: { lastOffset?: number; attributes?: number; count?: number } = {}): Buffer {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(baseOffset), 0);
  if (change.lastOffset !== undefined) copy.writeInt32BE(change.lastOffset - baseOffset, 23);
  if (change.attributes !== undefined) copy.writeInt16BE(change.attributes, 21);
  if (change.count !== undefined) copy.writeInt32BE(change.count, 57);
  return copy;
}

/** The same batch with its records compressed. */
function compressed(batch: Buffer, codec: number, squeeze: (body: Buffer) => Buffer): Buffer {
  const whole = Buffer.concat([batch.subarray(0, 61), squeeze(batch.subarray(61))]);
  whole.writeInt32BE(whole.length - 12, 8);
  whole.writeInt16BE(codec, 21);
  return whole;
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((data) => Buffer.from(data));
const outgoing: fc.Arbitrary<OutgoingRecord> = fc.record({
  key: fc.option(fc.oneof(bytes, fc.string())),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'ce_id')), fc.oneof(bytes, fc.string(), fc.array(bytes, { minLength: 2, maxLength: 3 })), { maxKeys: 4, noNullPrototype: true }),
});
const asBytes = (value: Buffer | string | null): Buffer | null => (typeof value === 'string' ? Buffer.from(value) : value);

describe('record batches', () => {
  it('come back as they were written, whatever the keys, values and headers', () => {
    fc.assert(fc.property(fc.array(outgoing, { minLength: 1, maxLength: 20 }), fc.nat(2 ** 40), (records, baseOffset) => {
      const { records: read, nextOffset } = decodeRecords(placed(encode(records), baseOffset), baseOffset);
      expect(nextOffset).toBe(baseOffset + records.length);
      records.forEach((record, index) => {
        expect(read[index]?.offset).toBe(baseOffset + index);
        expect(read[index]?.timestampMs).toBe(NOW);
        expect(read[index]?.key).toEqual(asBytes(record.key));
        expect(read[index]?.value).toEqual(asBytes(record.value));
        const names = Object.keys(record.headers ?? {});
        expect(Object.keys(read[index]?.headers ?? {}).sort()).toEqual(names.sort());
        for (const name of names) {
          const sent = record.headers?.[name];
          expect(read[index]?.headers?.[name]).toEqual(Array.isArray(sent) ? sent.map(asBytes) : asBytes(sent ?? null));
        }
      });
    }));
  });

  it('never take more room than was reckoned', () => {
    fc.assert(fc.property(fc.array(outgoing, { minLength: 1, maxLength: 20 }), (records) => {
      expect(encode(records).length).toBeLessThanOrEqual(61 + records.reduce((sum, record) => sum + recordBytes(record), 0));
    }));
  });

  it('are read by KafkaJS as we wrote them, with a right checksum', async () => {
    const batch = encode([{ key: 'k', value: Buffer.from('v') }, plain('x'.repeat(5000))]);
    expect(batch.readUInt32BE(17)).toBe(theirCrc32c(batch.subarray(21)));
    const read = await theirDecoder(new Decoder(batch));
    expect(read).toMatchObject({ producerId: '77', producerEpoch: 3, firstSequence: 12 });
    expect(read.records.map(({ key, value, timestamp }) => [key?.toString(), value?.length, Number(timestamp)])).toEqual([['k', 1, NOW], [undefined, 5000, NOW]]);
  });

  it('have the checksum that KafkaJS reckons, of any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (data, from) => {
      expect(crc32c(Buffer.from(data), Math.min(from, data.length), data.length)).toBe(theirCrc32c(Buffer.from(data).subarray(from)));
    }));
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283); // the catalogue's check value
  });

  it('written by KafkaJS are read by us, with timestamps of their own', async () => {
    const records = [0, 1, 2].map((index) => theirRecord({ offsetDelta: index, timestampDelta: index * 1_000_000_000_000, key: `k${index}`, value: Buffer.from([index]), headers: { h: [`a`, `b`] } }));
    const { buffer } = await theirBatch({ records, lastOffsetDelta: 2, firstTimestamp: 1000, maxTimestamp: 1000 });
    const read = decodeRecords(buffer, 0);
    expect(read.records.map(({ offset, timestampMs, key, value, headers }) => [offset, timestampMs, String(key), value?.[0], headers])).toEqual(
      [0, 1, 2].map((index) => [index, 1000 + index * 1_000_000_000_000, `k${index}`, index, { h: [Buffer.from('a'), Buffer.from('b')] }]),
    );
  });

  it('leave out what lies before the position asked for', () => {
    const { records, nextOffset } = decodeRecords(placed(encode(['a', 'b', 'c'].map(plain)), 100), 102);
    expect([records.map(({ value }) => String(value)), nextOffset]).toEqual([['c'], 103]);
  });

  it('say where they end though compaction took their last records', () => {
    const { records, nextOffset } = decodeRecords(placed(encode([plain('a')]), 100, { lastOffset: 140 }), 100);
    expect([records.length, nextOffset]).toEqual([1, 141]);
  });

  it('move the position past an empty batch that compaction left', () => {
    const empty = placed(encode([plain('a')]), 100, { lastOffset: 109, count: 0 });
    expect(decodeRecords(empty, 100)).toEqual({ records: [], nextOffset: 110 });
  });

  it('end before a batch that the fetch cut off', () => {
    const whole = Buffer.concat([placed(encode([plain('a')]), 0), placed(encode([plain('b')]), 1)]);
    for (let cut = whole.length - 1; cut > whole.length / 2; cut--) {
      const { records, nextOffset } = decodeRecords(whole.subarray(0, cut), 0);
      expect([records.length, nextOffset]).toEqual([1, 1]);
    }
  });

  it.each([-12, -100, 0, 48])('of a length that no batch has (%i) are refused instead of being read for ever', (length) => {
    const broken = placed(encode([plain('a')]), 0);
    broken.writeInt32BE(length, 8);
    expect(() => decodeRecords(broken, 0)).toThrow(expect.objectContaining({ code: 'BROKER_REFUSED' }));
  });

  it('of aborted transactions are passed by, and only those', () => {
    const of = (producerId: bigint, value: string, offset: number): Buffer => placed(encode([plain(value)], { producerId }), offset, { attributes: 0x10 });
    const marker = (producerId: bigint, offset: number): Buffer => placed(encode([plain('')], { producerId }), offset, { attributes: 0x30 });
    const log = Buffer.concat([of(1n, 'aborted', 0), of(2n, 'committed', 1), placed(encode([plain('plain')]), 2), marker(1n, 3), of(1n, 'committed later', 4), marker(2n, 5), marker(1n, 6)]);
    const { records, nextOffset } = decodeRecords(log, 0, [{ producerId: 1, firstOffset: 0 }]);
    expect([records.map(({ value }) => String(value)), nextOffset]).toEqual([['committed', 'plain', 'committed later'], 7]);
  });

  it('of 300,000 records overflow nothing: they are read in several goes, none twice and none left out', () => {
    const batch = placed(encode(Array.from({ length: 300_000 }, () => plain(''))), 1000);
    const offsets: number[] = [];
    let goes = 0;
    for (let position = 1000; position < 301_000; goes++) {
      const { records, nextOffset } = decodeRecords(batch, position);
      for (const { offset } of records) offsets.push(offset);
      position = nextOffset;
    }
    expect(goes).toBe(2);
    expect(offsets).toHaveLength(300_000);
    expect(offsets.every((offset, index) => offset === 1000 + index)).toBe(true);
  });

  it('with a header that comes 90,000 times are read in no more time than others', () => {
    const record: OutgoingRecord = { key: null, value: Buffer.from('v'), headers: { h: Array.from({ length: 90_000 }, () => Buffer.from('x')) } };
    const beganMs = performance.now();
    const { records } = decodeRecords(encode([record, plain('next')]), 0);
    expect(records[0]?.headers?.['h']).toHaveLength(90_000);
    expect(String(records[1]?.value)).toBe('next');
    expect(performance.now() - beganMs).toBeLessThan(5000); // half a minute, where each is copied for the next
  });

  it('with more headers than anybody needs keep the first of them, and the records behind', () => {
    const many = (): OutgoingRecord => ({ key: null, value: Buffer.from('v'), headers: { h: Array.from({ length: 150_000 }, () => Buffer.alloc(0)) } });
    const batch = encode([many(), many(), many()]);
    const first = decodeRecords(batch, 0);
    expect(first.records.map(({ headers, value }) => [(headers?.['h'] as Buffer[]).length, String(value)])).toEqual([[100_000, 'v'], [100_000, 'v']]);
    expect(decodeRecords(batch, first.nextOffset)).toMatchObject({ records: [{ offset: 2 }], nextOffset: 3 });
  });

  it('with a length below 0 inside fail at once, instead of being read on the spot for as long as their count says', () => {
    const batch = encode([{ key: null, value: null, headers: { h: 'x' } }]);
    const header = batch.lastIndexOf('h');
    const beganMs = performance.now();
    const noName = Buffer.from(batch);
    noName[header - 1] = 0x05; // a name of -3 bytes
    const noRecord = placed(batch, 0, { count: 2 ** 31 - 1 });
    noRecord[61] = 0x03; // a record of -2 bytes
    for (const [damaged, position] of [[noName, 0], [noRecord, 5]] as const) expect(() => decodeRecords(damaged, position)).toThrow(expect.objectContaining({ code: 'BROKER_REFUSED' }));
    expect(performance.now() - beganMs).toBeLessThan(5000);
  });

  it.each([['gzip', 1, gzipSync], ['zstd', 4, zstdCompressSync], ['bare snappy', 2, snappy.compress], ['lz4', 3, (body: Buffer) => Buffer.from(lz4.compress(body))]] as const)('compressed with %s are read', (_name, codec, squeeze) => {
    const batch = compressed(encode(['a', 'b'.repeat(3000)].map(plain)), codec, squeeze);
    expect(decodeRecords(batch, 0).records.map(({ value }) => String(value))).toEqual(['a', 'b'.repeat(3000)]);
  });

  it('compressed with something that nobody knows are refused', () => {
    expect(() => decodeRecords(compressed(encode([plain('a')]), 6, (body) => body), 0)).toThrow(expect.objectContaining({ code: 'BROKER_REFUSED' }) as Error);
  });

  it.each([1, 2, 3, 4])('that claim codec %i and are not are refused, whatever the bytes', (codec) => {
    const batch = encode([plain('a')]);
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (noise) => {
      try {
        decodeRecords(compressed(batch, codec, () => Buffer.from(noise)), 0);
      } catch (error) {
        expect(error).toMatchObject({ code: 'BROKER_REFUSED' });
      }
    }));
  });

  it('with damaged bytes inside fail by themselves, and never loop or crash', () => {
    const batch = encode([{ key: 'key', value: Buffer.from('value'), headers: { h: 'x' } }, plain('b')]);
    fc.assert(fc.property(fc.integer({ min: 61, max: batch.length - 1 }), fc.nat(255), (at, byte) => {
      const damaged = Buffer.from(batch);
      damaged[at] = byte;
      try {
        expect(decodeRecords(damaged, 0).nextOffset).toBe(2);
      } catch (error) {
        expect(error).toMatchObject({ code: 'BROKER_REFUSED' });
      }
    }));
  });
});
