import type { FetchedRecord, Headers, OutgoingRecord } from '../port.ts';
import { recordBytes } from './recordSize.ts';

export interface StoredRecord extends FetchedRecord {
  readonly headers: Headers;
  readonly bytes: number;
  /** Set by the first compaction that meets a tombstone; from then on it may go. */
  tombstoneExpiresMs: number | null;
}

export interface CompactionRules {
  readonly nowMs: number;
  readonly minLagMs: number;
  readonly deleteRetentionMs: number;
}

/** The records of one partition. Offsets only grow; they may have gaps (control records, compaction). */
export interface PartitionLog {
  startOffset(): number;
  endOffset(): number;
  /** Copies what it is given, so that a sender that reuses its buffers cannot change the past. */
  append(records: readonly OutgoingRecord[], timestampMs: number): number;
  /** Uses up offsets without a record, as the markers of a transaction do. */
  skipOffsets(count: number): void;
  /** Records from `offset` on: at least one where there is one, then as many as fit. */
  read(offset: number, maxBytes: number): { readonly records: readonly StoredRecord[]; readonly nextOffset: number };
  all(): readonly StoredRecord[];
  deleteBefore(offset: number): void;
  compact(rules: CompactionRules): void;
  /** Calls `run` after each growth. Returns how to stop. */
  onGrowth(run: () => void): () => void;
}

/** @param appended told before anybody can fetch it */
export function createPartitionLog(appended: (baseOffset: number, records: readonly OutgoingRecord[]) => void): PartitionLog {
  let records: StoredRecord[] = [];
  let start = 0;
  let end = 0;
  const listeners = new Set<() => void>();
  const grown = (): void => { for (const run of listeners) run(); };

  const indexOf = (offset: number): number => {
    let low = 0;
    let high = records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((records[middle] as StoredRecord).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    startOffset: () => start,
    endOffset: () => end,
    append(outgoing, timestampMs) {
      const baseOffset = end;
      for (const record of outgoing) {
        records.push({
          offset: end++,
          timestampMs,
          key: record.key === null ? null : Buffer.from(record.key as Buffer),
          value: record.value === null ? null : Buffer.from(record.value),
          headers: copyHeaders(record.headers),
          bytes: recordBytes(record),
          tombstoneExpiresMs: null,
        });
      }
      appended(baseOffset, outgoing);
      grown();
      return baseOffset;
    },
    skipOffsets(count) {
      end += count;
      grown();
    },
    read(offset, maxBytes) {
      const from = indexOf(offset);
      let to = from;
      for (let bytes = 0; to < records.length; to += 1) {
        bytes += (records[to] as StoredRecord).bytes;
        if (bytes > maxBytes && to > from) break;
      }
      const last = records[to - 1];
      return { records: records.slice(from, to), nextOffset: to < records.length && last !== undefined ? last.offset + 1 : end };
    },
    all: () => records,
    deleteBefore(offset) {
      start = Math.max(start, Math.min(offset, end));
      records = records.slice(indexOf(start));
    },
    compact({ nowMs, minLagMs, deleteRetentionMs }) {
      const young = records.findIndex((record) => record.timestampMs > nowMs - minLagMs);
      const cleanable = young === -1 ? records : records.slice(0, young);
      const latest = new Map<string, number>();
      for (const { key, offset } of cleanable) if (key !== null) latest.set(key.toString('latin1'), offset);
      const kept = cleanable.filter((record) => {
        if (record.key !== null && latest.get(record.key.toString('latin1')) !== record.offset) return false;
        if (record.value !== null) return true;
        record.tombstoneExpiresMs ??= nowMs + deleteRetentionMs;
        return record.tombstoneExpiresMs > nowMs;
      });
      records = young === -1 ? kept : kept.concat(records.slice(young));
    },
    onGrowth(run) {
      listeners.add(run);
      return () => { listeners.delete(run); };
    },
  };
}

/** Header values as they come off the wire: bytes, and an array where a name occurs more than once. */
export function copyHeaders(headers: Headers | undefined): Headers {
  const copy: Record<string, Headers[string]> = {};
  for (const name in headers) {
    const given = headers[name];
    const value = Array.isArray(given) ? (given.length === 1 ? bytesOf(given[0]) : given.map((one) => bytesOf(one) as Buffer)) : bytesOf(given);
    // Assigning to __proto__ would change the prototype; a forged header may bear that name.
    if (name === '__proto__') Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
    else copy[name] = value;
  }
  return copy;
}

/** A copy, as bytes. */
function bytesOf(value: Buffer | string | undefined): Buffer | undefined {
  return value === undefined ? undefined : Buffer.from(value as Buffer);
}
