import { sqlStateOf } from '../database/databaseError.ts';
import type { Database } from '../database/port.ts';
import { applyChunks, type Applied, type Chunk } from './applyChunks.ts';
import type { FactReader, Stream } from './readFacts.ts';

/** A record that no database takes. */
export interface Skipped {
  readonly stream: Stream;
  readonly partition: number;
  readonly offset: number;
  readonly error: unknown;
}

/**
 * As `applyChunks`; but where the database refuses what stands in a record, that record alone is left out, and all others are written. So no record,
 * whoever wrote it, stops the status. @param skipped told of each once its place is behind it
 */
export async function applySurely(database: Database, queue: string, chunks: readonly Chunk[], reader: FactReader, skipped: (one: Skipped) => void): Promise<Applied> {
  try {
    return await applyChunks(database, queue, chunks, reader);
  } catch (error) {
    if (!isAboutData(error)) throw error;
    const halves = halve(chunks);
    if (halves === null) return skip(database, queue, chunks, reader, skipped, error);
    const first = await applySurely(database, queue, halves[0], reader, skipped);
    if (first.type === 'stale') return first;
    const second = await applySurely(database, queue, halves[1], reader, skipped);
    if (second.type === 'stale') return second;
    return { type: 'applied', facts: first.facts + second.facts, rows: first.rows + second.rows, ignored: first.ignored + second.ignored, changed: [...first.changed, ...second.changed] };
  }
}

/** Data exception, constraint, a program limit (an index row too large): another try ends alike. A missing table is something else. */
function isAboutData(error: unknown): boolean {
  return ['22', '23', '54'].includes(sqlStateOf(error)?.slice(0, 2) ?? '');
}

/** Null: there is one record, or none. */
function halve(chunks: readonly Chunk[]): readonly [readonly Chunk[], readonly Chunk[]] | null {
  const [only] = chunks;
  if (chunks.length > 1) return [chunks.slice(0, chunks.length >> 1), chunks.slice(chunks.length >> 1)];
  const middle = only?.records[only.records.length >> 1];
  if (only === undefined || middle === undefined || only.records.length === 1) return null;
  const at = only.records.length >> 1;
  return [[{ ...only, records: only.records.slice(0, at), nextOffset: middle.offset }], [{ ...only, records: only.records.slice(at), after: middle.offset }]];
}

async function skip(database: Database, queue: string, chunks: readonly Chunk[], reader: FactReader, skipped: (one: Skipped) => void, error: unknown): Promise<Applied> {
  const [only] = chunks;
  const [record] = only?.records ?? [];
  // Nothing of a record is in it: the fault lies elsewhere.
  if (only === undefined || record === undefined) throw error;
  const applied = await applyChunks(database, queue, [{ ...only, records: [] }], reader);
  if (applied.type === 'applied') skipped({ stream: only.stream, partition: only.partition, offset: record.offset, error });
  return applied;
}
