import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChunks, type Chunk } from '../../../shared/status/applyChunks.ts';
import { statusTables } from '../../../shared/status/migrations.ts';
import { databaseKinds } from '../../postgres/createDatabase.ts';
import { appliedRecord, buriedRecord, markRecord, pauseRecord, redriveKey } from '../../../shared/kafka/envelope.ts';
import type { FetchedRecord } from '../../../shared/kafka/port.ts';
import { START_MS } from './recordsOfJobs.ts';
import { useStatusTables } from './useStatusTables.ts';

describe.each(databaseKinds)('records become rows (%s)', (kind) => {
  const given = useStatusTables(kind);

  const apply = (...chunks: readonly Chunk[]) => applyChunks(given.db, 'q', chunks, given.maker.reader);
  const main = (after: number, offsets: readonly number[]): Chunk => ({ stream: 'main', partition: 0, after, nextOffset: (offsets.at(-1) ?? 0) + 1, records: offsets.map((offset) => given.maker.main(offset)) });
  const states = async () => Object.fromEntries((await given.db.query<{ id: string; state: string }>('select id, state from status_jobs order by place')).rows.map(({ id, state }) => [id, state]));
  const counts = async () => (await given.db.query('select kind, state, jobs from status_counts where jobs <> 0 order by state')).rows;

  it('with their payload, times and timeline, and counts beside', async () => {
    const failed = { reason: 'retry', dueMs: START_MS + 5000, error: { code: 'TIMEOUT', message: 'no\0 answer' } };
    const applied = await apply(main(-1, [0, 1]), {
      stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [{ type: 'started', offset: 0 }, { type: 'waiting', offset: 0, afterMs: 5, detail: failed }, { type: 'done', offset: 1 }])],
    });
    expect(applied).toMatchObject({ type: 'applied', facts: 5, rows: 2, ignored: 0 });
    const { rows } = await given.db.query('select * from status_jobs order by place');
    expect(rows[0]).toMatchObject({
      queue: 'q', partition: 0, place: 0, id: 'job-0', kind: 'bench.Job', key: 'entity-0', state: 'waiting', reason: 'retry', due_ms: START_MS + 5000, attempt: 1,
      enqueued_ms: START_MS, started_ms: START_MS + 100_000, finished_ms: null, error_code: 'TIMEOUT', error_message: 'no\ufffd answer', worker: 'w1', known: true, told: true, entries: 2,
      payload: { orderId: 'order-0', currency: 'EUR', lines: [{ sku: 'sku-0' }, { sku: 'sku-fix' }] },
      timeline: [{ n: 1, type: 'started' }, { n: 2, type: 'waiting', reason: 'retry', code: 'TIMEOUT' }],
    });
    expect(rows[1]).toMatchObject({ state: 'done', finished_ms: START_MS + 100_000 });
    expect(await counts()).toEqual([{ kind: 'bench.Job', state: 'done', jobs: 1 }, { kind: 'bench.Job', state: 'waiting', jobs: 1 }]);
    const minutes = (await given.db.query<{ enqueued: number; done: number; waited: number }>('select sum(enqueued)::integer as enqueued, sum(done)::integer as done, sum(waited)::integer as waited from status_minutes')).rows;
    expect(minutes).toEqual([{ enqueued: 2, done: 1, waited: 1 }]);
  });

  it('the same, whether main records or events come first, and in one transaction or many', async () => {
    const events: Chunk[] = [0, 1, 2].map((n) => ({
      stream: 'events', partition: 0, after: n === 0 ? -1 : n, nextOffset: n + 1,
      records: [given.maker.events(n, [{ type: 'started', offset: n, afterMs: n }, { type: n === 1 ? 'buried' : 'done', offset: n, afterMs: n + 5, detail: n === 1 ? { reason: 'dead', dueMs: null, error: { code: 'E', message: 'm' } } : null }])],
    }));

    const all = async () => (await given.db.query('select * from status_jobs order by place')).rows.concat((await given.db.query('select * from status_counts where jobs <> 0 order by state')).rows, (await given.db.query('select * from status_minutes order by minute_ms')).rows);
    await apply(main(-1, [0, 1, 2, 3]), ...events);
    const together = await all();
    await given.db.script(`truncate ${statusTables.join(', ')}`);
    for (const chunk of events) await apply(chunk);
    await apply(main(-1, [0, 1]));
    await apply(main(2, [2, 3]));
    expect(await all()).toEqual(together);
  });

  it('of pauses, the same and since the same time, wherever a transaction ends between their words', async () => {
    const scope = 'key:e';
    const stamp = { epoch: 1, seq: 1 };
    const words = {
      pause: pauseRecord('p', 'pause', scope), resume: pauseRecord('p', 'resume', scope),
      marked: markRecord(`pause/${scope}`, 'paused', 0, null, stamp), unmarked: appliedRecord(`pause/${scope}`, stamp),
    };
    const read = async (said: readonly (keyof typeof words)[], cuts: ReadonlySet<number>): Promise<unknown> => {
      await given.db.script(`truncate ${statusTables.join(', ')}`);
      let from = 0;
      for (let to = 1; to <= said.length; to++) {
        if (to < said.length && !cuts.has(to)) continue;
        const records = said.slice(from, to).map((word, n) => {
          const { key, value, headers } = words[word];
          return { offset: from + n, timestampMs: START_MS + from + n, key: Buffer.from(key as string), value, headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, Buffer.from(String(text))])) };
        });
        await apply({ stream: 'retry', partition: 0, after: from === 0 ? -1 : from, nextOffset: to, records });
        from = to;
      }
      return (await given.db.query('select scope, since_ms, paused, commanded from status_pauses')).rows;
    };
    await fc.assert(fc.asyncProperty(
      fc.array(fc.constantFrom(...(Object.keys(words) as (keyof typeof words)[])), { minLength: 2, maxLength: 6 }), fc.array(fc.nat(5)),
      async (said, cuts) => { expect(await read(said, new Set(cuts))).toEqual(await read(said, new Set([1, 2, 3, 4, 5]))); },
    ), { numRuns: 25, examples: [[['pause', 'resume', 'pause', 'resume'], [2]], [['pause', 'resume', 'pause'], [1]], [['pause', 'resume', 'marked', 'resume'], [2]]] });
  });

  it('once: what another process wrote already is refused whole', async () => {
    const chunk = main(-1, [0, 1]);
    await apply(chunk);
    expect(await apply(chunk)).toEqual({ type: 'stale', partitions: [0] });
    expect(await apply(main(5, [5]), { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [{ type: 'done', offset: 0 }])] })).toEqual({ type: 'stale', partitions: [0] });
    expect(await states()).toEqual({ 'job-0': 'queued', 'job-1': 'queued' });
    const both = await Promise.all([apply(main(2, [2])), apply(main(2, [2]))]);
    expect(both.map(({ type }) => type).toSorted()).toEqual(['applied', 'stale']);
    expect(await counts()).toEqual([{ kind: 'bench.Job', state: 'queued', jobs: 3 }]);
  });

  it('without what a zombie tells: events of a lower epoch than was seen count for nothing, in later transactions too', async () => {
    await apply(main(-1, [0, 1]), { stream: 'events', partition: 0, after: -1, nextOffset: 2, records: [given.maker.events(0, [{ type: 'started', offset: 0 }], { epoch: 7 }), given.maker.events(1, [{ type: 'done', offset: 0 }], { epoch: 6, worker: 'zombie' })] });
    expect(await states()).toEqual({ 'job-0': 'running', 'job-1': 'queued' });
    await apply({ stream: 'events', partition: 0, after: 2, nextOffset: 4, records: [given.maker.events(2, [{ type: 'done', offset: 1 }], { epoch: 6 }), given.maker.events(3, [{ type: 'done', offset: 0 }], { epoch: 8, worker: 'w2' })] });
    expect(await states()).toEqual({ 'job-0': 'done', 'job-1': 'queued' });
    expect((await given.db.query('select worker, epoch from status_owners')).rows).toEqual([{ worker: 'w2', epoch: 8 }]);
  });

  it('from dead letters only where their events are gone', async () => {
    const letter = (offset: number, atMs: number): FetchedRecord => {
      const { key, value, headers } = buriedRecord(
        { id: `job-${offset}`, kind: 'bench.Job', origin: { topic: 'q', partition: 0, offset, timestampMs: START_MS }, key: Buffer.from('k'), value: null, headers: undefined },
        { attempt: 3, reason: 'attempts', failure: { code: 'TIMEOUT', name: 'Timeout', message: 'too late', at: START_MS }, firstFailure: null },
      );
      return { offset, timestampMs: atMs, key: Buffer.from(key as string), value, headers };
    };
    await apply({ stream: 'dlq', partition: 0, after: -1, nextOffset: 1, records: [letter(0, START_MS + 10)] });
    expect(await states()).toEqual({ 'job-0': 'queued' });
    // The time is kept: the next transaction, or the next owner, need not be told.
    await apply({ stream: 'dlq', partition: 0, after: 1, nextOffset: 3, records: [letter(1, START_MS + 10)], eventsSinceMs: START_MS + 20 });
    await apply({ stream: 'dlq', partition: 0, after: 3, nextOffset: 5, records: [letter(2, START_MS + 19), letter(3, START_MS + 21)] });
    expect(await states()).toEqual({ 'job-0': 'queued', 'job-1': 'dead', 'job-2': 'dead', 'job-3': 'queued' });
    await apply({ stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [{ type: 'redriven', offset: 1 }])] });
    expect(await states()).toEqual({ 'job-0': 'queued', 'job-1': 'queued', 'job-2': 'dead', 'job-3': 'queued' });
  });

  it('of burials that were redriven, where events are gone: they are dead no more, whichever topic is read first', async () => {
    const letter = (offset: number): FetchedRecord => {
      const { value, headers } = buriedRecord(
        { id: `job-${offset}`, kind: 'bench.Job', origin: { topic: 'q', partition: 0, offset, timestampMs: START_MS }, key: Buffer.from('k'), value: null, headers: undefined },
        { attempt: 3, reason: 'attempts', failure: null, firstFailure: null },
      );
      return { offset, timestampMs: START_MS + 10, key: Buffer.from(`job-${offset}`), value, headers };
    };
    const mark = (offset: number): FetchedRecord => {
      const { key, value, headers } = markRecord(redriveKey(offset, offset), 'applied', 0, null, { epoch: 1, seq: offset });
      return { offset, timestampMs: START_MS + 20, key: Buffer.from(key as string), value, headers };
    };
    await apply({ stream: 'retry', partition: 0, after: -1, nextOffset: 1, records: [mark(0)] });
    await apply({ stream: 'dlq', partition: 0, after: -1, nextOffset: 3, records: [letter(0), letter(1), letter(2)], eventsSinceMs: START_MS + 99 });
    await apply({ stream: 'retry', partition: 0, after: 1, nextOffset: 2, records: [mark(1)] });
    expect(await states()).toEqual({ 'job-0': 'done', 'job-1': 'done', 'job-2': 'dead' });
    expect(await counts()).toEqual([{ kind: 'bench.Job', state: 'dead', jobs: 1 }, { kind: 'bench.Job', state: 'done', jobs: 2 }]);
  });

  it('of records with times, counts and places beyond all bounds, rather than never again', async () => {
    const origin = `q/0/${2 ** 53 - 1}/${2 ** 53 - 1}`;
    const headers = (more: Record<string, string>) => Object.fromEntries(Object.entries({ mr_origin: origin, ce_id: 'odd', ...more }).map(([name, value]) => [name, Buffer.from(value)]));
    const record = (timestampMs: number, more: Record<string, string> = {}, key = 'odd', value: Buffer | null = Buffer.from('v')): FetchedRecord => ({ offset: 0, timestampMs, key: Buffer.from(key), value, headers: headers(more) });
    const huge = String(2 ** 53 - 1);
    for (const timestampMs of [2 ** 63, -(2 ** 63), NaN]) {
      await given.db.script(`truncate ${statusTables.join(', ')}`);
      const odd = { ...record(timestampMs), headers: { ce_time: Buffer.from('-271821-04-20T00:00:00Z'), mr_not_before: Buffer.from(huge) } };
      expect(await apply(
        { stream: 'main', partition: 0, after: -1, nextOffset: 1, records: [odd] },
        { stream: 'dlq', partition: 0, after: -1, nextOffset: 1, records: [record(timestampMs, { mr_attempt: huge, mr_reason: 'x'.repeat(64) })], eventsSinceMs: 8.64e15 },
        { stream: 'retry', partition: 0, after: -1, nextOffset: 6, records: [
          record(timestampMs, { mr_epoch: '1', mr_seq: huge, mr_due: huge, mr_attempt: huge, mr_reason: 'retry' }),
          { ...record(timestampMs, { mr_command: 'pause' }, '\0p', Buffer.from('kind:k')), offset: 1 },
          { ...record(timestampMs, { mr_command: 'discard', mr_note: 'why' }, `\0discard/${huge.slice(1)}/${huge.slice(1)}/x`), offset: 2 },
          { ...record(timestampMs, { mr_reason: 'applied', mr_epoch: '1', mr_seq: '9' }, `\0redrive/${huge.slice(1)}/${huge.slice(1)}`), offset: 3 },
          { ...record(timestampMs, { mr_reason: 'lease', mr_epoch: String(2 ** 48) }, '\0l'), offset: 4 },
          { ...record(timestampMs, { mr_epoch: String(2 ** 48), mr_seq: '1' }, 'odd', null), offset: 5 },
        ] },
        { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [
          { type: 'started', offset: 2 ** 52 - 1, attempt: 2 ** 31 - 1, afterMs: 2 ** 31 - 1 }, { type: 'progress', offset: 0, id: 'odd', detail: { progress: NaN } }, { type: 'progress', offset: 0, id: 'odd', detail: { progress: -Infinity, dueMs: 2 ** 52 - 1 } },
        ], { startMs: 2 ** 52 - 1, epoch: 2 ** 52 - 1 })] },
      )).toMatchObject({ type: 'applied' });
    }
  });

  it('of names that are longer than an index takes', async () => {
    // No two alike, so that they cannot be packed.
    const long = Array.from({ length: 5000 }, (_, index) => String.fromCodePoint(0x4e00 + (index * 7919) % 20_000)).join('');
    const bytes = Buffer.from(Uint8Array.from({ length: 4000 }, (_, index) => 128 + (index * 37) % 128));
    expect(await apply(
      { stream: 'main', partition: 0, after: -1, nextOffset: 2, records: [{ ...given.maker.main(0), key: Buffer.from(long) }, { ...given.maker.main(1), key: bytes }] },
      { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, [
        { type: 'started', offset: 2, id: long, kind: 'k' }, { type: 'started', offset: 3, id: 'x', kind: long, key: bytes }, { type: 'buried', offset: 0, key: Buffer.from(long), detail: { error: { code: long, message: long }, note: long, reason: long } },
      ], { worker: long })] },
    )).toMatchObject({ type: 'applied' });
    const { rows } = await given.db.query<{ place: number; id: string; kind: string; key: string }>('select place, id, kind, key from status_jobs order by place');
    expect(rows.map(({ place }) => place)).toEqual([0, 1, 3]);
    expect(long.startsWith(rows[0]?.key ?? '-')).toBe(true);
    expect(rows[2]?.kind).toHaveLength(256);
    for (const { key } of rows) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
  });

  it('whatever strangers write: bytes that are no events, places that are none', async () => {
    const junk = { offset: 0, timestampMs: START_MS, key: null, value: Buffer.from('junk'), headers: undefined };
    const applied = await apply(
      { stream: 'events', partition: 0, after: -1, nextOffset: 3, records: [junk, { ...junk, offset: 1, value: null }, given.maker.events(2, [{ type: 'done', offset: -5 }])] },
      { stream: 'dlq', partition: 0, after: -1, nextOffset: 1, records: [junk] }, { stream: 'retry', partition: 0, after: -1, nextOffset: 1, records: [junk] },
      { stream: 'main', partition: 0, after: -1, nextOffset: 2, records: [junk, { ...junk, offset: 1, key: Buffer.from([0xff, 0]), value: null }] },
    );
    expect(applied).toMatchObject({ type: 'applied', facts: 2 });
    expect((await given.db.query('select id, key, payload, payload_flaw from status_jobs order by place')).rows).toEqual([
      { id: 'q-0-0', key: null, payload: null, payload_flaw: 'WIRE_MAGIC' }, { id: 'q-0-1', key: '\ufffd\ufffd', payload: null, payload_flaw: null },
    ]);
  });
});
