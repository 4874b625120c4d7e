import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasHeader, readInteger, readRaw, readText } from '../../../../shared/kafka/envelope/readHeader.ts';
import { readKind } from '../../../../shared/kafka/envelope.ts';
import { decodeRecords } from '../../../../shared/kafka/kafkajs/recordBatch/decode.ts';
import { encodeBatch } from '../../../../shared/kafka/kafkajs/recordBatch/encode.ts';
import type { FetchedRecord, Headers, OutgoingRecord } from '../../../../shared/kafka/port.ts';

const NAMES = ['ce_id', 'ce_type', 'ce_typo', 'mr_not_before', 'x', '__proto__', 'constructor', 'Grüße'];
const LIMITS = [1, 5, 300];

/** More than few: then they are looked up another way. */
const MANY = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`mr_more_${index}`, 'x']));

const value = fc.oneof(
  fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 5 }), fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)), fc.nat().map(String),
  fc.constantFrom('', 'order.charge', 'a\u0000b', 'tab\t', '\u007f', '9007199254740992'), fc.constant(undefined),
);
const headers: fc.Arbitrary<Headers> = fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(value, fc.array(value.filter((one) => one !== undefined), { minLength: 2, maxLength: 3 })), { noNullPrototype: true }).chain((few) => fc.constantFrom(few, { ...MANY, ...few }, { ...few, ...MANY }));

function written(records: readonly OutgoingRecord[]): readonly FetchedRecord[] {
  return decodeRecords(encodeBatch([...records], 0, { producerId: 1n, producerEpoch: 0, firstSequence: 0 }), 0).records;
}

it('says of each header by itself what all of them, made into buffers, say of it', () => {
  fc.assert(fc.property(fc.array(headers, { minLength: 1, maxLength: 5 }), (records) => {
    for (const read of written(records.map((one) => ({ key: 'k', value: null, headers: one })))) {
      const packed = read.packedHeaders;
      // Each name of ASCII: other names are nobody's who looks for one.
      for (const name of NAMES.slice(0, -1)) {
        const own = Object.hasOwn(read.headers ?? {}, name) ? read.headers : undefined;
        expect(hasHeader(packed, name), name).toBe(own?.[name] !== undefined);
        expect(readRaw(packed, name), name).toEqual(readRaw(own, name));
        expect(readInteger(packed, name), name).toBe(readInteger(own, name));
        for (const limit of LIMITS) expect(readText(packed, name, limit), name).toBe(readText(own, name, limit));
      }
      expect(readKind(packed)).toBe(readKind(read.headers));
    }
  }), { numRuns: 500 });
});

const key = fc.option(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 })).map((bytes) => Buffer.from(bytes)));

it('has a text for each key from which its bytes come back, whatever keys came before', () => {
  fc.assert(fc.property(fc.array(key, { minLength: 1, maxLength: 100 }), (keys) => {
    const read = written(keys.map((one) => ({ key: one, value: null })));
    expect(read.map((one) => one.key)).toEqual(keys);
    expect(read.map((one) => one.keyText)).toEqual(keys.map((one) => (one === null ? null : one.toString('latin1'))));
  }));
});

it('reads lengths that are written longer than they need be where the walk over them passed', () => {
  const longer = (length: number): Buffer => Buffer.of((length << 1) | 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
  const nothing = Buffer.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
  const headers = Buffer.concat([Buffer.of(4), longer(1), Buffer.from('x'), nothing, longer(5), Buffer.from('ce_id'), longer(5), Buffer.from('job-1')]);
  const record = Buffer.concat([Buffer.of(0, 0, 0, 1, 1), headers]);
  const batch = Buffer.concat([encodeBatch([{ key: null, value: null }], 0, { producerId: 1n, producerEpoch: 0, firstSequence: 0 }).subarray(0, 61), Buffer.of(record.length << 1), record]);
  batch.writeInt32BE(batch.length - 12, 8);
  const [read] = decodeRecords(batch, 0).records;
  expect(readText(read?.packedHeaders, 'ce_id', 300)).toBe('job-1');
  expect({ ...read?.headers }).toEqual({ x: undefined, ce_id: Buffer.from('job-1') });
});
