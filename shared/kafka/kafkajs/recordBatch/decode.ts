import { MillraceError } from '../../../errors/MillraceError.ts';
import { PackedHeaders } from '../../packedHeaders.ts';
import type { FetchedRecord, Headers } from '../../port.ts';
import { decompress } from './decompress.ts';
import { keyTextOf } from './keyTexts.ts';

/**
 * Reads record batches, format v2 (https://kafka.apache.org/documentation/#recordbatch). Our own because KafkaJS's reader drops
 * what a batch says of its end: `lastOffsetDelta` survives compaction and counts control records, and only with it is the next
 * position exact. It also filters aborted transactions batch by batch, and reads about twice as fast.
 * CRCs are not checked again: the broker checked them on append, TCP on the way.
 */
export interface DecodedRecords {
  readonly records: FetchedRecord[];
  /** After the last record or batch that was read; the fetch offset when there was none. */
  readonly nextOffset: number;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

const HEADER_BYTES = 61;
const LENGTH_END = 12;
/**
 * Records and headers read in one go; the rest is fetched again. A batch of a megabyte may unpack to tens of millions of them, a few bytes each, and
 * as objects they would fill the process's memory.
 */
const MOST_PARTS = 200_000;
/** Of a record with more headers, these are read: none has so many for a reason. */
const MOST_HEADERS = 100_000;
const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** @throws MillraceError BROKER_REFUSED when the bytes are in a format or a compression that this driver does not read */
export function decodeRecords(data: Buffer, fetchOffset: number, aborted: readonly AbortedTransaction[] = []): DecodedRecords {
  const records: FetchedRecord[] = [];
  const waitingAborts = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedNow = new Set<number>();
  const budget = { partsLeft: MOST_PARTS };
  let nextOffset = fetchOffset;
  let at = 0;
  while (at + HEADER_BYTES <= data.length && budget.partsLeft > 0) {
    const end = at + LENGTH_END + data.readInt32BE(at + 8);
    if (end > data.length) break; // the tail of a fetch may be cut; it comes again
    if (end < at + HEADER_BYTES) throw new MillraceError('BROKER_REFUSED', { at: 'record batch', expected: `at least ${HEADER_BYTES} bytes`, got: end - at });
    const magic = data.readInt8(at + 16);
    if (magic !== 2) throw new MillraceError('BROKER_REFUSED', { expected: 'record format 2', got: magic, fix: 'The topic holds records of Kafka 0.10 or older' });
    const baseOffset = readLong(data, at);
    const lastOffset = baseOffset + data.readInt32BE(at + 23);
    const attributes = data.readInt16BE(at + 21);
    const producerId = readLong(data, at + 43);
    for (let first = waitingAborts[0]; first !== undefined && first.firstOffset <= lastOffset; first = waitingAborts[0]) {
      abortedNow.add(first.producerId);
      waitingAborts.shift();
    }
    if ((attributes & CONTROL) !== 0) abortedNow.delete(producerId);
    else if ((attributes & TRANSACTIONAL) === 0 || !abortedNow.has(producerId)) {
      const isWhole = readBatch(data, at, end, baseOffset, attributes, fetchOffset, budget, records);
      if (!isWhole) return { records, nextOffset: (records.at(-1)?.offset ?? fetchOffset) + 1 };
    }
    nextOffset = Math.max(nextOffset, lastOffset + 1);
    at = end;
  }
  return { records, nextOffset };
}

/*
 * A class, not a literal: V8 learns of a literal that what it makes lives long (the first batches fill its youngest space), and then makes it old from the
 * start. A restore would leave several kilobytes of old garbage for every record.
 */
class ReadRecord implements FetchedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly value: Buffer | null;
  readonly packedHeaders: PackedHeaders | undefined;
  readonly #data: Buffer;
  readonly #keyAt: number;
  /** −1: the key is null. */
  readonly #keyLength: number;

  constructor(offset: number, timestampMs: number, data: Buffer, keyAt: number, keyLength: number, value: Buffer | null, headers: PackedHeaders | undefined) {
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#data = data;
    this.#keyAt = keyAt;
    this.#keyLength = keyLength;
    this.value = value;
    this.packedHeaders = headers;
  }

  get key(): Buffer | null { return this.#keyLength < 0 ? null : this.#data.subarray(this.#keyAt, this.#keyAt + this.#keyLength); }
  get keyText(): string | null { return this.#keyLength < 0 ? null : keyTextOf(this.#data, this.#keyAt, this.#keyAt + this.#keyLength); }
  get headers(): Headers | undefined { return this.packedHeaders?.unpack(); }
}

/** @returns false when the budget ran out before its end */
function readBatch(data: Buffer, at: number, end: number, baseOffset: number, attributes: number, fetchOffset: number, budget: { partsLeft: number }, into: FetchedRecord[]): boolean {
  const baseTimestamp = readLong(data, at + 27);
  const fixedTimestamp = (attributes & LOG_APPEND_TIME) === 0 ? null : readLong(data, at + 35);
  const count = data.readInt32BE(at + 57);
  const body = data.subarray(at + HEADER_BYTES, end);
  const cursor = new Cursor(decompress(body, attributes & COMPRESSION_MASK));
  for (let i = 0; i < count; i++) {
    const recordEnd = cursor.end();
    cursor.at += 1; // attributes, unused
    const timestampDelta = cursor.varint();
    const offset = baseOffset + cursor.varint();
    if (offset >= fetchOffset) {
      if (budget.partsLeft <= 0) return false;
      const keyLength = cursor.skip();
      const keyAt = cursor.at - Math.max(0, keyLength);
      const value = cursor.bytes();
      const headers = readHeaders(cursor, budget);
      into.push(new ReadRecord(offset, fixedTimestamp ?? baseTimestamp + timestampDelta, cursor.data, keyAt, keyLength, value, headers));
      budget.partsLeft--;
    }
    cursor.at = recordEnd;
  }
  return true;
}

/** Walks over them, as whoever looks at them trusts their lengths. */
function readHeaders(cursor: Cursor, budget: { partsLeft: number }): PackedHeaders | undefined {
  const count = Math.min(cursor.varint(), MOST_HEADERS);
  if (count <= 0) return undefined;
  budget.partsLeft -= count;
  const from = cursor.at;
  let nameLengths = 0;
  for (let i = 0; i < count; i++) {
    const nameLength = cursor.skip();
    if (nameLength < 0) cursor.cut();
    nameLengths |= 1 << nameLength;
    cursor.skip();
  }
  return new PackedHeaders(cursor.data, from, cursor.at, count, nameLengths);
}

/** Numbers beyond 2^53 lose precision; offsets and times do not reach it. */
export function readLong(data: Buffer, at: number): number {
  return data.readInt32BE(at) * 4_294_967_296 + data.readUInt32BE(at + 4);
}

class Cursor {
  readonly data: Buffer;
  at = 0;

  constructor(data: Buffer) {
    this.data = data;
  }

  /** A zigzag varint of up to 53 bits. */
  varint(): number {
    const { data } = this;
    let byte = data[this.at++] ?? this.cut();
    let value = byte & 0x7f;
    let shift = 7;
    while (byte >= 0x80 && shift < 28) {
      byte = data[this.at++] ?? this.cut();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    }
    let scale = 2 ** 28;
    while (byte >= 0x80) {
      byte = data[this.at++] ?? this.cut();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.skip();
    return length < 0 ? null : this.data.subarray(this.at - length, this.at);
  }

  /** Where what follows its length ends. */
  end(): number {
    const length = this.varint();
    if (length <= 0 || this.at + length > this.data.length) this.cut();
    return this.at + length;
  }

  /** Passes over what follows its length, which is the answer; a negative one is that of null. */
  skip(): number {
    const length = this.varint();
    if (length < 0) return length;
    if (this.at + length > this.data.length) this.cut();
    this.at += length;
    return length;
  }

  cut(): never {
    throw new MillraceError('BROKER_REFUSED', { at: 'record batch', got: 'fewer bytes than it announces' });
  }
}
