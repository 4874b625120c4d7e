import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../../shared/status/applyChunks.ts';
import { applySurely, type Skipped } from '../../../shared/status/applySurely.ts';
import type { FactReader } from '../../../shared/status/readFacts.ts';
import { databaseKinds } from '../../postgres/createDatabase.ts';
import { useStatusTables } from './useStatusTables.ts';

describe.each(databaseKinds)('a record that the database refuses (%s)', (kind) => {
  const given = useStatusTables(kind);
  /** Reads some places as what no column takes. */
  const misreading = (places: readonly number[]): FactReader => ({
    ...given.maker.reader,
    read(...record) {
      const read = given.maker.reader.read(...record);
      return { ...read, facts: read.facts.map((fact) => (fact.type === 'enqueued' && places.includes(fact.place) ? { ...fact, enqueuedMs: 2 ** 63 } : fact)) };
    },
  });
  const main = (after: number, offsets: readonly number[]): Chunk => ({ stream: 'main', partition: 0, after, nextOffset: (offsets.at(-1) ?? 0) + 1, records: offsets.map((offset) => given.maker.main(offset)) });
  const rows = async () => (await given.db.query<{ place: number; state: string }>('select place, state from status_jobs order by place')).rows.map(({ place, state }) => `${place} ${state}`);

  it('is left out alone: all others are written, once, and the next batch goes on behind it', async () => {
    const skipped: Skipped[] = [];
    // Offsets with gaps, as compaction and transactions leave them.
    const chunks: Chunk[] = [main(-1, [0, 1, 3, 7, 8]), main(9, [12, 15]), { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [{ type: 'done', offset: 1 }])] }];
    const applied = await applySurely(given.db, 'q', chunks, misreading([3, 15]), (one) => { skipped.push(one); });
    expect(applied).toMatchObject({ type: 'applied', facts: 6, rows: 6 });
    expect(skipped).toMatchObject([{ stream: 'main', partition: 0, offset: 3 }, { stream: 'main', partition: 0, offset: 15 }]);
    expect(await rows()).toEqual(['0 queued', '1 done', '7 queued', '8 queued', '12 queued']);
    expect((await given.db.query('select state, jobs from status_counts where jobs <> 0 order by state')).rows).toEqual([{ state: 'done', jobs: 1 }, { state: 'queued', jobs: 4 }]);
    expect(await applySurely(given.db, 'q', [main(16, [16])], given.maker.reader, () => undefined)).toMatchObject({ type: 'applied', rows: 1 });
    expect(await applySurely(given.db, 'q', chunks, misreading([3]), () => undefined)).toMatchObject({ type: 'stale' });
  });

  it('is not what a missing table is: that is told, and nothing is left out', async () => {
    const skipped: Skipped[] = [];
    await given.db.script('alter table status_minutes rename to status_minutes_away');
    await expect(applySurely(given.db, 'q', [main(-1, [0, 1])], given.maker.reader, (one) => { skipped.push(one); })).rejects.toThrow(expect.objectContaining({ code: 'DATABASE_REFUSED' }) as Error);
    await given.db.script('alter table status_minutes_away rename to status_minutes');
    expect(skipped).toEqual([]);
    expect(await rows()).toEqual([]);
  });
});
