import type { BuiltRecord } from '../client/buildRecord.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { OutgoingRecord } from '../kafka/port.ts';

/** A job as the outbox keeps it. */
export interface OutboxRow {
  readonly queue: string;
  readonly id: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
  /** Names to texts, as JSON. */
  readonly headers: string;
}

export function rowOf(queue: string, { id, record }: BuiltRecord): OutboxRow {
  const headers = Object.fromEntries(Object.entries(record.headers ?? {}).map(([name, value]) => [name, String(value)]));
  return { queue, id, key: record.key === null ? null : Buffer.from(record.key), value: record.value ?? Buffer.alloc(0), headers: JSON.stringify(headers) };
}

/** @throws MillraceError OUTBOX_ROW_INVALID when the headers are no texts: a row that something else than `createOutbox` wrote */
export function recordOf({ key, value, headers }: Pick<OutboxRow, 'key' | 'value' | 'headers'>): OutgoingRecord {
  const parsed = JSON.parse(headers) as unknown;
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new MillraceError('OUTBOX_ROW_INVALID', { at: 'headers', expected: 'an object', got: parsed });
  for (const [name, text] of Object.entries(parsed)) {
    if (typeof text !== 'string') throw new MillraceError('OUTBOX_ROW_INVALID', { at: `headers: ${name}`, expected: 'text', got: text });
  }
  return { key, value, headers: parsed as Record<string, string> };
}
