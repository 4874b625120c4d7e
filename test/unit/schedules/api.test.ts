import { afterAll, describe, expect, it } from 'vitest';
import { createMillrace } from 'millrace';
import { createMemoryCluster, createMemoryRegistry, seededRandom } from 'millrace/testing';
import { createScheduleApi } from '../../../services/scheduler/api/createScheduleApi.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
const registry = createMemoryRegistry();
const broker = createMemoryCluster({ clock: systemClock, random: seededRandom(1) }).broker();
const millrace = createMillrace({ brokers: [], registryUrl: '', broker, registry, logger, topics: { partitions: 1, replicationFactor: 1 } });
const app = await createScheduleApi({ schedules: millrace.schedules, logger, token: null });
for (const schema of jobV1.versions) await registry.register('bench.Job', schema);

afterAll(async () => {
  await app.close();
  await millrace.close();
});

const body = { kind: 'report.write', queue: 'reports', schema: 'bench.Job', payload: sampleJob(1), key: 'k', cron: '30 2 * * *', timezone: 'Europe/Berlin' };

async function call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, payload?: object): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, json: answer.body === '' ? {} : JSON.parse(answer.body) as Record<string, unknown> };
}

describe('the schedules API', () => {
  it('puts, shows, pauses, resumes, runs, backfills and removes a schedule', async () => {
    expect(await call('PUT', '/v1/schedules/books', body)).toEqual({ status: 204, json: {} });
    expect(await call('GET', '/v1/schedules/books')).toMatchObject({ status: 200, json: { name: 'books', kind: 'report.write', queue: 'reports', key: 'k', cron: '30 2 * * *', overlap: 'skip', paused: null } });
    expect(await call('POST', '/v1/schedules/books/pause', { note: 'audit' })).toMatchObject({ status: 204 });
    expect(await call('GET', '/v1/schedules')).toMatchObject({ status: 200, json: { schedules: [{ paused: { note: 'audit' }, next: [] }] } });
    expect(await call('POST', '/v1/schedules/books/resume')).toMatchObject({ status: 204 });
    expect(await call('POST', '/v1/schedules/books/run')).toMatchObject({ status: 202, json: { jobId: expect.stringMatching(/^books@run-now\//) as unknown } });
    expect(await call('POST', '/v1/schedules/books/backfill', { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z', overlap: 'allow-all' })).toEqual({ status: 202, json: { ticks: 2 } });
    expect(await call('DELETE', '/v1/schedules/books')).toMatchObject({ status: 204 });
    expect(await call('DELETE', '/v1/schedules/books')).toMatchObject({ status: 404, json: { code: 'SCHEDULE_UNKNOWN' } });
  });

  it('tells next ticks of a timing that nobody has put', async () => {
    expect(await call('POST', '/v1/next-ticks', { every: '1h', offset: '5m', count: 2, after: '2026-01-01T00:00:00Z' })).toEqual({ status: 200, json: { next: ['2026-01-01T00:05:00.000Z', '2026-01-01T01:05:00.000Z'] } });
  });

  it.each([
    ['a payload that does not fit', { ...body, payload: { ...sampleJob(1), sequence: 'x' } }, 422, 'BAD_PAYLOAD'],
    ['no cron expression', { ...body, cron: 'now and then' }, 422, 'BAD_SCHEDULE'],
    ['no time zone', { ...body, timezone: 'Europe/Atlantis' }, 422, 'BAD_SCHEDULE'],
    ['two timings', { ...body, every: '5m' }, 422, 'BAD_SCHEDULE'],
    ['no timing', { ...body, cron: undefined, timezone: undefined }, 422, 'BAD_SCHEDULE'],
    ['a rhythm under a second', { ...body, cron: undefined, every: '1ms' }, 422, 'BAD_SCHEDULE'],
    ['a rhythm of millennia', { ...body, cron: undefined, every: '9000000000000s' }, 422, 'BAD_SCHEDULE'],
    ['a window that every tick misses', { ...body, catchUp: '1s' }, 422, 'BAD_SCHEDULE'],
    ['a span without unit', { ...body, jitter: '30' }, 422, 'BAD_DURATION'],
    ['a policy that there is not', { ...body, overlap: 'queue' }, 422, 'REQUEST_INVALID'],
    ['a name that is no field', { ...body, evry: '5m' }, 422, 'REQUEST_INVALID'],
    ['a queue that is another queue\'s topic', { ...body, queue: 'reports.dlq' }, 422, 'BAD_SCHEDULE'],
    ['a leap second', { ...body, startAt: '2016-12-31T23:59:60Z' }, 422, 'REQUEST_INVALID'],
    ['a beginning that no scheduler would read again', { ...body, startAt: '1969-12-31T23:59:59Z' }, 422, 'BAD_SCHEDULE'],
    ['an unknown schema', { ...body, schema: 'nobody.Knows' }, 404, 'UNKNOWN_KIND'],
  ])('refuses %s', async (_what, given, status, code) => {
    expect(await call('PUT', '/v1/schedules/sick', given)).toMatchObject({ status, json: { code } });
  });

  it('refuses times that no Date holds, and such as no tick could have, wherever one may be given', async () => {
    expect(await call('PUT', '/v1/schedules/hourly', { ...body, cron: undefined, timezone: undefined, every: '1h' })).toMatchObject({ status: 204 });
    const leap = '2016-12-31T23:59:60Z';
    for (const given of [{ from: leap, to: '2017-01-02T00:00:00Z' }, { from: '2017-01-01T00:00:00Z', to: leap }]) {
      expect(await call('POST', '/v1/schedules/hourly/backfill', given)).toMatchObject({ status: 422, json: { code: 'REQUEST_INVALID', detail: expect.stringContaining('2026-02-28T12:00:00Z') as unknown } });
    }
    expect(await call('POST', '/v1/schedules/hourly/backfill', { from: '0001-01-01T00:00:00Z', to: '2017-01-02T00:00:00Z' })).toMatchObject({ status: 422, json: { code: 'BAD_SCHEDULE' } });
    for (const time of ['startAt', 'endAt', 'after']) expect(await call('POST', '/v1/next-ticks', { every: '1h', [time]: leap })).toMatchObject({ status: 422, json: { code: 'REQUEST_INVALID' } });
    for (const time of ['startAt', 'endAt', 'after']) expect(await call('POST', '/v1/next-ticks', { every: '1h', [time]: '0000-01-01T00:00:00Z' })).toMatchObject({ status: 422, json: { code: 'BAD_SCHEDULE' } });
    expect(await call('POST', '/v1/next-ticks', { cron: '* * * * * *', after: '9999-12-31T23:59:59Z' })).toEqual({ status: 200, json: { next: [] } });
    expect(await call('DELETE', '/v1/schedules/hourly')).toMatchObject({ status: 204 });
  });

  it('refuses a name that could not travel, and what concerns a schedule that there is not', async () => {
    expect(await call('PUT', '/v1/schedules/a%00b', body)).toMatchObject({ status: 400 });
    for (const way of ['pause', 'resume', 'run']) expect(await call('POST', `/v1/schedules/nobody/${way}`)).toMatchObject({ status: 404, json: { code: 'SCHEDULE_UNKNOWN' } });
    expect(await call('GET', '/v1/schedules/nobody')).toMatchObject({ status: 404, json: { code: 'SCHEDULE_UNKNOWN' } });
    expect(await call('GET', '/v1/schedules')).toEqual({ status: 200, json: { schedules: [] } });
  });

  it('describes itself: every route is in its OpenAPI document', async () => {
    const { json } = await call('GET', '/openapi.json');
    const { paths } = json as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`));
    for (const each of described) {
      const [method = '', url = ''] = each.split(' ');
      expect(app.hasRoute({ method, url }), each).toBe(true);
    }
    expect(described.toSorted()).toEqual([
      'DELETE /v1/schedules/:name', 'GET /v1/schedules', 'GET /v1/schedules/:name', 'POST /v1/next-ticks', 'POST /v1/schedules/:name/backfill', 'POST /v1/schedules/:name/pause',
      'POST /v1/schedules/:name/resume', 'POST /v1/schedules/:name/run', 'PUT /v1/schedules/:name',
    ]);
  });
});
