import type { ErrorCode } from '../../../shared/errors/catalogue.ts';
import type { BuryReason } from '../../../shared/jobs/outcome.ts';
import { framed, varint } from '../../unit/avro/avroBytes.ts';
import type { ValueKit } from './sink.ts';
import type { RawRecord } from './stage.ts';

/** A record that can never run: what it is, and what its dead letter says. */
export interface BuriedCase {
  readonly title: string;
  readonly reason: BuryReason;
  readonly code: ErrorCode | 'NO_KEY';
  make(this: void, kit: ValueKit): Pick<RawRecord, 'key' | 'value'> & Partial<RawRecord>;
}

const job = (value: (kit: ValueKit) => Buffer | null) => (kit: ValueKit) => ({ key: 'bad', value: value(kit), headers: { ce_type: 'work.do' } });
const sink = (value: (kit: ValueKit) => Buffer) => (kit: ValueKit) => ({ key: 'bad', value: value(kit), headers: { ce_type: 'sink.do' } });
const foreign = (value: (kit: ValueKit) => Buffer | null) => (kit: ValueKit) => ({ key: 'bad', value: value(kit) });
const deep = (levels: number): Buffer => Buffer.concat([Buffer.alloc(levels, varint(1)), varint(0)]);

export const buriedRecords: readonly BuriedCase[] = [
  { title: 'an empty value', reason: 'empty', code: 'WIRE_EMPTY', make: job(() => Buffer.alloc(0)) },
  { title: 'an empty value without headers', reason: 'empty', code: 'WIRE_EMPTY', make: foreign(() => Buffer.alloc(0)) },
  { title: 'a null value', reason: 'empty', code: 'WIRE_EMPTY', make: job(() => null) },
  { title: 'a null value without headers', reason: 'empty', code: 'WIRE_EMPTY', make: foreign(() => null) },
  { title: 'an empty value under forged headers', reason: 'empty', code: 'WIRE_EMPTY', make: () => ({ key: 'bad', value: Buffer.alloc(0), headers: {
    ce_type: 'work.do', mr_origin: 'payments/3/77/1700000000000', mr_reason: 'dead', mr_attempt: '7', mr_error: '{"code":"X","name":"X","message":"x","at":1}', mr_first_error: 'none', ce_partitionkey: 'other',
  } }) },
  { title: 'neither key nor value', reason: 'empty', code: 'WIRE_EMPTY', make: () => ({ key: null, value: null }) },
  { title: 'no key, where order per entity is kept', reason: 'no-key', code: 'NO_KEY', make: (kit) => ({ key: null, value: kit.job(1), headers: { ce_type: 'work.do' } }) },
  { title: 'no key and no headers', reason: 'no-key', code: 'NO_KEY', make: (kit) => ({ key: null, value: kit.job(1) }) },

  { title: 'another magic byte', reason: 'wire', code: 'WIRE_MAGIC', make: job((kit) => Buffer.concat([Buffer.from([1]), kit.job(1).subarray(1)])) },
  { title: 'a single byte', reason: 'wire', code: 'WIRE_MAGIC', make: job(() => Buffer.from([0])) },
  { title: 'an id cut short', reason: 'wire', code: 'WIRE_MAGIC', make: job(() => Buffer.from([0, 0, 0, 1])) },
  { title: 'JSON', reason: 'wire', code: 'WIRE_MAGIC', make: job((kit) => Buffer.from(JSON.stringify(kit.jobPayload(1)))) },
  { title: 'JSON without headers', reason: 'wire', code: 'WIRE_MAGIC', make: foreign(() => Buffer.from('{"order":1}')) },

  { title: 'schema id 0', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: job(() => framed(0, Buffer.alloc(4))) },
  { title: 'schema id -1', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: job(() => framed(-1, Buffer.alloc(4))) },
  { title: 'schema id -2^31, without headers', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: foreign(() => framed(-(2 ** 31), Buffer.alloc(4))) },
  { title: 'schema id 2^31-1', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: job(() => framed(2 ** 31 - 1, Buffer.alloc(4))) },
  { title: 'a schema id that nobody registered', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: job(() => framed(987_654_321, Buffer.alloc(4))) },
  { title: 'a schema id that nobody registered, without headers', reason: 'schema-unknown', code: 'SCHEMA_UNKNOWN', make: foreign(() => framed(987_654_322, Buffer.alloc(4))) },
  { title: 'a schema id and nothing after it', reason: 'undecodable', code: 'AVRO_TRUNCATED', make: job((kit) => framed(kit.ids.job, Buffer.alloc(0))) },
  { title: 'the id of another subject', reason: 'undecodable', code: 'AVRO_MISMATCH', make: job((kit) => kit.sink('flag', Buffer.from([1]))) },
  { title: 'a schema of the same name and another shape', reason: 'undecodable', code: 'AVRO_MISMATCH', make: foreign((kit) => framed(kit.ids.otherJob, varint(7))) },
  { title: 'a schema of ten thousand fields', reason: 'undecodable', code: 'SCHEMA_INVALID', make: job((kit) => framed(kit.ids.wide, Buffer.alloc(10_000))) },

  { title: 'a payload cut short', reason: 'undecodable', code: 'AVRO_TRUNCATED', make: job((kit) => kit.job(1).subarray(0, -1)) },
  { title: 'a payload with bytes left over', reason: 'undecodable', code: 'AVRO_TRAILING', make: job((kit) => Buffer.concat([kit.job(1), Buffer.from([0])])) },
  { title: 'two payloads in one', reason: 'undecodable', code: 'AVRO_TRAILING', make: foreign((kit) => Buffer.concat([kit.job(1), kit.job(2)])) },
  { title: 'an array of 200,000,000 nulls', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('nulls', Buffer.concat([varint(200_000_000), varint(0)]))) },
  { title: 'an array of 2^62 nulls', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('nulls', Buffer.concat([varint(2n ** 62n), varint(0)]))) },
  { title: 'an array of -200,000,000 nulls in a sized block', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('nulls', Buffer.concat([varint(-200_000_000), varint(0), varint(0)]))) },
  { title: 'an array that announces 50,000,000 longs', reason: 'undecodable', code: 'AVRO_TRUNCATED', make: sink((kit) => kit.sink('longs', varint(50_000_000), 'cut')) },
  { title: 'a recursion of 100,000 levels', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('node', deep(100_000))) },
  { title: 'a string of 2^40 bytes', reason: 'undecodable', code: 'AVRO_TRUNCATED', make: sink((kit) => kit.sink('text', varint(2n ** 40n))) },
  { title: 'a string of negative length', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('text', varint(-5))) },
  { title: 'a number of eleven bytes', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('big', Buffer.concat([Buffer.alloc(10, 0x80), Buffer.from([0])]))) },
  { title: 'a long beyond 2^53', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('big', varint(2n ** 60n))) },
  { title: 'a union index out of range', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('choice', varint(3))) },
  { title: 'a negative union index', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('choice', varint(-1))) },
  { title: 'an enum index out of range', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('color', varint(2))) },
  { title: 'a boolean of 7', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('flag', Buffer.from([7]))) },
  { title: 'text that is not UTF-8', reason: 'undecodable', code: 'AVRO_INVALID', make: sink((kit) => kit.sink('text', Buffer.concat([varint(2), Buffer.from([0xc3, 0x28])]))) },
  { title: 'a map key __proto__', reason: 'undecodable', code: 'AVRO_UNSAFE', make: sink((kit) => kit.sink('counts', Buffer.concat([varint(1), varint(9), Buffer.from('__proto__'), varint(1), varint(0)]))) },
  { title: 'bytes of nothing in particular', reason: 'undecodable', code: 'AVRO_INVALID', make: job((kit) => framed(kit.ids.job, Buffer.alloc(300, 0xfe))) },
];
