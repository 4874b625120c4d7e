import { beforeAll, afterAll, describe, expect, inject, it } from 'vitest';
import type { Database } from '../../../shared/database/port.ts';
import { listJobs, type JobFilter } from '../../../shared/status/listJobs.ts';
import { prepareStatusTables } from '../../../shared/status/prepareStatusTables.ts';
import { filterOf } from '../../../shared/status/selectDead.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

const JOBS = 20_000;
const NOW_MS = Date.UTC(2026, 0, 1);

interface Plan { readonly 'Node Type': string; readonly 'Relation Name'?: string; readonly 'Actual Rows': number; readonly 'Actual Loops': number; readonly 'Rows Removed by Filter'?: number; readonly 'Plans'?: readonly Plan[] }

/** How many rows were looked at for the answer. */
const looked = (plan: Plan): number => (plan['Relation Name'] === undefined ? 0 : (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']) + (plan.Plans ?? []).reduce((sum, inner) => sum + looked(inner), 0);

describe.each(databaseKinds)('a page of the list of jobs (%s)', (kind) => {
  let test: TestDatabase;
  const plans: Plan[] = [];
  /** Explains what it is asked. */
  const explaining = (database: Database): Database => ({
    ...database,
    async query(sql, params) {
      const { rows } = await database.query<Record<string, readonly { readonly Plan: Plan }[]>>(`explain (analyze, format json) ${sql}`, params);
      plans.push(...Object.values(rows[0] ?? {}).flat().map((one) => one.Plan));
      return database.query(sql, params);
    },
  });
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    await prepareStatusTables(test.database);
    await test.database.script(`
      insert into status_jobs (queue, partition, place, id, kind, key, state, reason, attempt, created_ms, enqueued_ms, finished_ms, changed_ms, error_code, error_message, fingerprint, known, told, duplicate, entries, timeline, burial, buried_ms)
      select case when n % 2000 = 7 then 'small' else 'large' end, n % 6, n, 'job-' || n, case when n % 4000 = 7 then 'rare' else 'common' end, 'key-' || n % 2000, state, case state when 'waiting' then 'locked' when 'dead' then 'attempts' end, 1,
        ${NOW_MS} + n, ${NOW_MS} + n, case when state in ('done', 'dead') then ${NOW_MS} end, ${NOW_MS}, case state when 'dead' then case when n % 4000 = 50 then 'ERARE' else 'E' end end, case state when 'dead' then 'host ' || n end, case state when 'dead' then 'print ' || n end,
        true, true, false, 0, '[]', case state when 'dead' then n end, case state when 'dead' then ${NOW_MS} + n end
      from (select n, case when n % 100 = 50 then 'dead' when n % 4000 = 8 then 'waiting' when n % 4000 = 9 then 'running' when n % 4000 = 10 then 'scheduled' when n % 4000 = 11 then 'queued' else 'done' end as state from generate_series(1, ${JOBS}) n) jobs;
      insert into operator_tags (queue, partition, place, id, tag, at_ms, removed) select queue, partition, place, id, 'follow', 1, false from status_jobs where place % 2500 = 50 and state = 'dead';
    `);
    await test.database.script('analyze status_jobs; analyze operator_tags');
  });
  afterAll(() => test.close());

  it.each<[what: string, filter: JobFilter, jobs: number]>([
    ['everything', {}, 51], ['a queue of few', { queue: 'small' }, 10], ['a kind of few', { kind: 'rare' }, 5], ['no such kind', { kind: 'nobody' }, 0], ['an entity', { key: 'key-9' }, 10], ['an id', { id: 'job-77' }, 1],
    ['a reason', { reason: 'locked' }, 5], ['what runs', { states: ['running'] }, 5], ['what waits', { states: ['waiting'] }, 5], ['what is scheduled or queued', { states: ['scheduled', 'queued'] }, 10], ['what is queued', { states: ['queued'] }, 5], ['what runs in a queue', { queue: 'large', states: ['running'] }, 5],
    ['what is dead in a queue', { queue: 'large', states: ['dead'] }, 51], ['a stretch of time', { fromMs: NOW_MS + 100, toMs: NOW_MS + 110 }, 10], ['an error', { errorCode: 'ERARE' }, 5], ['no such error', { errorCode: 'nobody' }, 0], ['a fingerprint', { fingerprint: 'print 150' }, 1],
    ['words of an error', { errorText: 'HOST 150' }, 2], ['no such words', { errorText: 'nobody' }, 0], ['a tag', { tags: ['follow'] }, 8], ['no such tag', { tags: ['nobody'] }, 0],
    ['dead ones by id', filterOf('large', { ids: ['job-50', 'job-150'] }), 2], ['dead ones by entity', filterOf('large', { keys: ['key-50'] }), 10], ['when they were buried', filterOf('large', { from: new Date(NOW_MS + 100), to: new Date(NOW_MS + 300) }), 2],
  ])('looks at few rows for %s, and at no more for the next page', async (_, filter, jobs) => {
    const ask = (cursor: string | null) => listJobs(explaining(test.database), filter, { limit: 51, cursor, nowMs: NOW_MS });
    plans.length = 0;
    const first = await ask(null);
    expect(first.rows).toHaveLength(jobs);
    await ask(first.cursor ?? Buffer.from(JSON.stringify([NOW_MS + 500, 'large', 0, 0])).toString('base64url'));
    expect(plans).toHaveLength(2);
    // Of 20,000, of which 200 are dead; each row of the answer is looked up twice more, for its tags and its doubles.
    for (const plan of plans) expect(looked(plan), JSON.stringify(plan)).toBeLessThan(1000);
  });
});
