import type { OutgoingRecord } from '../../port.ts';
import { crc32c } from './crc32c.ts';

/** Who appends: an idempotent producer and the sequence number of the batch's first record. */
export interface BatchSource {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

const HEADER_BYTES = 61;
/** Bytes around a record's key, value and headers, at most. */
const RECORD_OVERHEAD_BYTES = 28;

/**
 * Writes one record batch, format v2, uncompressed, into one buffer. KafkaJS's writer makes about ten small buffers a record
 * and copies each record of a partition once per record before it.
 */
export function encodeBatch(records: readonly OutgoingRecord[], timestampMs: number, source: BatchSource): Buffer {
  let room = HEADER_BYTES;
  for (const record of records) room += recordBytes(record);
  const out = Buffer.allocUnsafe(room);
  let at = HEADER_BYTES;
  for (let i = 0; i < records.length; i++) at = writeRecord(out, at, records[i] as OutgoingRecord, i);

  out.writeBigInt64BE(0n, 0);
  out.writeInt32BE(at - 12, 8);
  out.writeInt32BE(-1, 12); // leader epoch, set by the broker
  out.writeInt8(2, 16);
  out.writeInt16BE(0, 21);
  out.writeInt32BE(records.length - 1, 23);
  out.writeBigInt64BE(BigInt(timestampMs), 27);
  out.writeBigInt64BE(BigInt(timestampMs), 35);
  out.writeBigInt64BE(source.producerId, 43);
  out.writeInt16BE(source.producerEpoch, 51);
  out.writeInt32BE(source.firstSequence, 53);
  out.writeInt32BE(records.length, 57);
  out.writeUInt32BE(crc32c(out, 21, at), 17);
  return out.subarray(0, at);
}

/** Upper bound of the bytes that a record takes in a batch. */
export function recordBytes(record: OutgoingRecord): number {
  let total = RECORD_OVERHEAD_BYTES + byteLength(record.key) + byteLength(record.value);
  if (record.headers !== undefined) {
    for (const name of Object.keys(record.headers)) {
      const value = record.headers[name];
      const nameBytes = Buffer.byteLength(name) + 10;
      if (Array.isArray(value)) for (const one of value) total += nameBytes + byteLength(one);
      else total += nameBytes + byteLength(value ?? null);
    }
  }
  return total;
}

function byteLength(value: Buffer | string | null): number {
  if (value === null) return 0;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function writeRecord(out: Buffer, start: number, record: OutgoingRecord, offsetDelta: number): number {
  // The record's length stands before it and is known only after it: write the body where a 5-byte length would end, then close the gap.
  let at = start + 5;
  out[at++] = 0;
  out[at++] = 0; // timestamp delta
  at = writeVarint(out, at, offsetDelta);
  at = writeBytes(out, at, record.key);
  at = writeBytes(out, at, record.value);
  at = writeHeaders(out, at, record.headers);
  const bodyBytes = at - start - 5;
  const bodyAt = writeVarint(out, start, bodyBytes);
  out.copyWithin(bodyAt, start + 5, at);
  return bodyAt + bodyBytes;
}

function writeHeaders(out: Buffer, start: number, headers: OutgoingRecord['headers']): number {
  if (headers === undefined) return writeVarint(out, start, 0);
  const names = Object.keys(headers);
  let count = 0;
  for (const name of names) {
    const value = headers[name];
    count += Array.isArray(value) ? value.length : 1;
  }
  let at = writeVarint(out, start, count);
  for (const name of names) {
    const value = headers[name];
    for (const one of Array.isArray(value) ? value : [value ?? null]) {
      at = writeBytes(out, at, name);
      at = writeBytes(out, at, one);
    }
  }
  return at;
}

function writeBytes(out: Buffer, start: number, value: Buffer | string | null): number {
  if (value === null) return writeVarint(out, start, -1);
  if (typeof value !== 'string') {
    const at = writeVarint(out, start, value.length);
    out.set(value, at);
    return at + value.length;
  }
  const at = writeVarint(out, start, Buffer.byteLength(value));
  return at + out.write(value, at);
}

function writeVarint(out: Buffer, start: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = start;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}
