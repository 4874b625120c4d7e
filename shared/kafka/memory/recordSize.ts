import type { Headers, OutgoingRecord } from '../port.ts';

const BATCH_OVERHEAD = 61;

/**
 * Bytes of a record alone in a batch of Kafka's format v2 (KIP-98), uncompressed: what `max.message.bytes` is compared with.
 */
export function batchBytes(record: OutgoingRecord): number {
  const body = recordBytes(record);
  return BATCH_OVERHEAD + varintBytes(body) + body;
}

/** Bytes of one record inside a batch; attributes, time and offset deltas count one byte each. */
export function recordBytes({ key, value, headers }: OutgoingRecord): number {
  return 3 + fieldBytes(key) + fieldBytes(value) + headerBytes(headers);
}

function headerBytes(headers: Headers | undefined): number {
  let count = 0;
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      count += 1;
      bytes += fieldBytes(name) + fieldBytes(one);
    }
  }
  return bytes + varintBytes(count);
}

function fieldBytes(field: Buffer | string | null | undefined): number {
  if (field === null || field === undefined) return 1;
  const length = typeof field === 'string' ? Buffer.byteLength(field) : field.length;
  return varintBytes(length) + length;
}

/** Zigzag doubles the number, so one byte carries six bits of it and each further byte seven. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = Math.floor(value / 64); rest > 0; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
