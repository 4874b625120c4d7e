import { createHash } from 'node:crypto';
import type { Database } from '../database/port.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/** The SQL of a payload's field as text: the same for a path each time, so that its index is found. `path` as `address.city`; without NUL. */
export function payloadField(path: string): string {
  const names = path.split('.').map((name) => `"${name.replaceAll(/[\\"]/g, '\\$&')}"`).join(',');
  return `payload #>> '{${names.replaceAll('\'', '\'\'')}}'::text[]`;
}

/** Under which name a field's index stands. */
export function payloadIndexName(path: string): string {
  return `status_payload_${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
}

/**
 * Makes lists by these fields of payloads fast, at some cost to each write. The table is locked against writing while an index is made the first time.
 * One that is asked for no more stays until the tables are rebuilt, or somebody drops it.
 * @throws MillraceError BAD_CONFIG for a path that is none; DATABASE_*
 */
export async function indexPayload(database: Database, paths: readonly string[]): Promise<void> {
  for (const path of paths) if (!/^[^.\0]+(\.[^.\0]+)*$/u.test(path)) throw new MillraceError('BAD_CONFIG', { at: 'fields of payloads', expected: 'paths such as "address.city"', got: path });
  if (paths.length === 0) return;
  await database.transaction(async (tx) => {
    // Of several that start at once, one works.
    await tx.query('select pg_advisory_xact_lock(hashtextextended(\'millrace.status.payload\', 0))');
    for (const path of paths) {
      const field = payloadField(path);
      // Long values are cut: an index takes no more than some KB of one.
      await tx.query(`create index if not exists ${payloadIndexName(path)} on status_jobs (left(${field}, 200), enqueued_ms desc) where ${field} is not null`);
    }
  });
}
