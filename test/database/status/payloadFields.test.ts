import { describe, expect, it } from 'vitest';
import { applyChunks } from '../../../shared/status/applyChunks.ts';
import { conditionsOf, listJobs } from '../../../shared/status/listJobs.ts';
import { indexPayload, payloadIndexName } from '../../../shared/status/payloadFields.ts';
import { databaseKinds } from '../../postgres/createDatabase.ts';
import { useStatusTables } from './useStatusTables.ts';

describe.each(databaseKinds)('lists by a field of the payload (%s)', (kind) => {
  const given = useStatusTables(kind);
  const listed = async (path: string, value: string): Promise<string[]> => (await listJobs(given.db, { payload: [{ path, value }] }, { limit: 10, cursor: null, nowMs: 0 })).rows.map(({ id }) => id).toSorted();
  const fill = () => applyChunks(given.db, 'q', [{
    stream: 'main', partition: 0, after: -1, nextOffset: 3, records: ['plain', 'it\'s {"odd"} \\', 'x'.repeat(9000)].map((customer, offset) => given.maker.main(offset, { payload: { customer } })),
  }], given.maker.reader);

  it('find whatever the value is, with an index and without one', async () => {
    await fill();
    const all = () => Promise.all([listed('customer', 'plain'), listed('customer', 'it\'s {"odd"} \\'), listed('customer', 'x'.repeat(9000)), listed('customer', 'x'.repeat(8999)), listed('sequence', '2'), listed('lines.0.sku', 'sku-1'), listed('it\'s."x\\', 'a')]);
    const found = [['job-0'], ['job-1'], ['job-2'], [], ['job-2'], ['job-1'], []];
    expect(await all()).toEqual(found);
    await Promise.all([indexPayload(given.db, ['customer', 'lines.0.sku', 'it\'s."x\\']), indexPayload(given.db, ['customer'])]);
    expect(await all()).toEqual(found);
  });

  it('use the index that was made for it', async () => {
    await indexPayload(given.db, ['address.city']);
    await given.db.transaction(async (tx) => {
      await tx.query('set local enable_seqscan = off');
      const { where, params } = conditionsOf({ payload: [{ path: 'address.city', value: 'Porto' }] }, 0);
      const { rows } = await tx.query(`explain select 1 from status_jobs where ${where.join(' and ')}`, params);
      expect(JSON.stringify(rows)).toContain(payloadIndexName('address.city'));
    });
  });

  it.each(['', 'a..b', '.a', 'a\0b'])('is refused for %j, which is no path', async (path) => {
    await expect(indexPayload(given.db, [path])).rejects.toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
  });
});
