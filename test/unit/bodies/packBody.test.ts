import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBody, unpackBody, type Body } from '../../../shared/bodies/packBody.ts';
import { CONTENT_TYPE, headerNames } from '../../../shared/kafka/envelope.ts';
import { decodeRecords } from '../../../shared/kafka/kafkajs/recordBatch/decode.ts';
import { encodeBatch } from '../../../shared/kafka/kafkajs/recordBatch/encode.ts';
import { PackedHeaders } from '../../../shared/kafka/packedHeaders.ts';
import type { Headers } from '../../../shared/kafka/port.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const name = fc.oneof(fc.constantFrom<string>(headerNames.specVersion, headerNames.time, headerNames.tracestate, headerNames.id, headerNames.kind), fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.startsWith('mr_') && text.isWellFormed()));
const headers = fc.option(fc.dictionary(name, fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 }), fc.constant(undefined)), { maxKeys: 8, noNullPrototype: false }), { nil: undefined });
const owner = { id: 'order-1', kind: 'order.charge' };

const plain = (given: Headers | undefined): unknown => (given === undefined ? undefined : Object.entries(given).map(([key, value]) => [key, value === undefined ? null : Array.isArray(value) ? value.map((one) => Buffer.from(one).toString('hex')) : Buffer.from(value).toString('hex')]));

describe('a packed body', () => {
  it('gives back value and headers, byte for byte', () => {
    fc.assert(fc.property(fc.option(bytes), headers, (value, given) => {
      const body: Body = { value, headers: given };
      const back = unpackBody(packBody(body, owner).text(), owner);
      expect(back.value === null ? null : back.value.toString('hex')).toBe(value === null ? null : value.toString('hex'));
      expect(plain(back.headers)).toEqual(plain(given));
    }), { numRuns: 300 });
  });

  it('gives back the headers that came as bytes, too: what it gives back of them unpacked', () => {
    fc.assert(fc.property(headers, (given) => {
      const records = [{ key: 'k', value: null, headers: { ...given, ce_id: ['other', owner.id], ce_type: owner.kind, mr_due: '1' } as Headers }];
      const [record] = decodeRecords(encodeBatch(records, 0, { producerId: 1n, producerEpoch: 0, firstSequence: 0 }), 0).records;
      expect(record?.packedHeaders).toBeInstanceOf(PackedHeaders);
      const [asBytes, unpacked] = [record?.packedHeaders, record?.headers].map((one) => packBody({ value: null, headers: one }, owner).text());
      const back = unpackBody(asBytes as string, owner).headers;
      expect(plain(back)).toEqual(plain(unpackBody(unpacked as string, owner).headers));
      expect((back?.['ce_id'] as Buffer[]).map(String)).toEqual(['other', owner.id]);
      expect(asBytes).not.toContain(owner.kind);
    }), { numRuns: 300 });
  });

  it('leaves out what the job itself knows, and where it stands', () => {
    const given = { ce_id: Buffer.from(owner.id), ce_type: Buffer.from(owner.kind), 'content-type': Buffer.from(CONTENT_TYPE), mr_reason: Buffer.from('retry'), mr_origin: Buffer.from('q/0/1/2') };
    const body = packBody({ value: Buffer.from('v'), headers: given }, owner).text();
    expect(body).not.toContain(owner.id);
    expect(body).not.toContain(owner.kind);
    expect(Object.keys(unpackBody(body, owner).headers ?? {})).toEqual(['ce_id', 'ce_type', 'content-type']);
    expect((unpackBody(body, owner).headers?.['ce_id'] as Buffer).toString()).toBe(owner.id);
  });

  it('keeps an id whose bytes merely look like the text of another', () => {
    const odd = { id: 'Ã©', kind: 'k' };
    const back = unpackBody(packBody({ value: null, headers: { ce_id: Buffer.from('é') } }, odd).text(), odd);
    expect((back.headers?.['ce_id'] as Buffer).toString()).toBe('é');
  });

  it('is told no smaller on the wire than it is', () => {
    fc.assert(fc.property(bytes, headers, (value, given) => {
      const { wireBytes } = packBody({ value, headers: given }, owner);
      let least = value.length;
      for (const [key, values] of Object.entries(given ?? {})) for (const one of Array.isArray(values) ? values : [values]) least += Buffer.byteLength(key) + (one === undefined ? 0 : Buffer.byteLength(one));
      expect(wireBytes).toBeGreaterThanOrEqual(least);
    }));
  });

  it('holds a value of several megabytes', () => {
    const value = Buffer.alloc(3_000_000, 'x');
    expect(unpackBody(packBody({ value, headers: undefined }, owner).text(), owner).value?.equals(value)).toBe(true);
  });
});
