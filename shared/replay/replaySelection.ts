import { createHash } from 'node:crypto';
import type { Codec } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import { readKind, readNotBeforeMs } from '../kafka/envelope.ts';
import type { FetchedRecord } from '../kafka/port.ts';

/** Which records of the range are meant: all that is given must hold. */
export interface ReplaySelection {
  readonly kinds?: readonly string[];
  /** Entities, as text. */
  readonly keys?: readonly string[];
}

/** `later`: it is scheduled for a time to come, and has not run at all yet. */
export type Verdict = 'selected' | 'filtered' | 'later';

/** Says of each record whether it is replayed. Kinds of foreign records are read from their schemas, which must be loaded. */
export function createSelector({ kinds, keys }: ReplaySelection, codec: Pick<Codec, 'knows' | 'writerName'>): (record: FetchedRecord, nowMs: number) => Verdict {
  const wantedKinds = kinds === undefined ? null : new Set(kinds);
  const wantedKeys = keys === undefined ? null : new Set(keys);
  return (record, nowMs) => {
    if (wantedKeys !== null && (record.key === null || !wantedKeys.has(record.key.toString()))) return 'filtered';
    if (wantedKinds !== null) {
      const kind = kindOf(record, codec);
      if (kind === null || !wantedKinds.has(kind)) return 'filtered';
    }
    return (readNotBeforeMs(record.headers, nowMs) ?? 0) > nowMs ? 'later' : 'selected';
  };
}

/** A record's kind; null where nobody can tell, because it cannot be read, or its schema is not known. */
export function kindOf(record: FetchedRecord, codec: Pick<Codec, 'knows' | 'writerName'>): string | null {
  const kind = readKind(record.headers);
  if (kind !== null) return kind;
  const schemaId = schemaIdOf(record);
  if (schemaId === null || !codec.knows(schemaId)) return null;
  try {
    return codec.writerName(schemaId);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return null;
  }
}

/** The schema that must be loaded before a record's kind is known; null: none. */
export function schemaIdOf(record: FetchedRecord): number | null {
  if (readKind(record.headers) !== null) return null;
  try {
    return readSchemaId(record.value);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return null;
  }
}

/** The same for the same selection: a replay that goes on must mean the same jobs. */
export function digestOf({ kinds, keys }: ReplaySelection): string {
  const text = JSON.stringify([kinds?.toSorted() ?? null, keys?.toSorted() ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
