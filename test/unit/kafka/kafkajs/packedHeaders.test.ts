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
