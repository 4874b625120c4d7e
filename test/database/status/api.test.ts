import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, done, retry } from '../../../shared/jobs/outcome.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { createMillrace, type Millrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { JobView } from '../../../shared/status/jobView.ts';
import { createStatusProjection, type StatusProjection } from '../../../shared/status/statusProjection.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createStatusApi, type StatusApi } from '../../../services/status/api/createStatusApi.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

const payload = (note: string, sequence: number): JobV1 => ({
  orderId: `${note}#${sequence}`, customer: 'c', email: 'c@example.org', city: sequence === 0 ? 'Oslo' : 'Porto', createdAt: 0, sequence, amount: 1.5, currency: 'EUR',
  priority: 1, express: false, note, lines: [], tags: [],
});

/** The whole way on a Kafka in memory, in real time: enqueued, run, projected, asked for. */
describe.each(databaseKinds)('the status API (%s)', (kind) => {
  const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
  const registry = createMemoryRegistry();
  const cluster = createMemoryCluster({ clock: systemClock, random: Math.random });
  const gate = Promise.withResolvers<void>();
  const handle = async (given: JobV1, { attempt }: { readonly attempt: number }) => {
    if (given.note === 'ada') await gate.promise;
    if (given.note === 'slow') return retry('1h');
    if (given.note === 'bad') return dead('no order 4711');
    return attempt === 1 && given.note === 'twice' ? retry('10ms') : done();
  };
  const job = defineJob({ kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ note }) => note ?? '', handle });
  const unknown = defineJob({ kind: 'order.unheard', queue: 'orders', schema: jobV1, key: ({ note }) => note ?? '', handle });
  const idle = defineJob({ kind: 'idle.kind', queue: 'idle', schema: jobV1, key: ({ note }) => note ?? '', handle });
  let test: TestDatabase;
  let millrace: Millrace;
  let admin: Admin;
  let projection: StatusProjection;
  let api: StatusApi;
  const troubles: unknown[] = [];

  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    millrace = createMillrace({ brokers: [], registryUrl: '', broker: cluster.broker(), registry, topics: { partitions: 2, replicationFactor: 1 }, logger });
    admin = cluster.broker().createAdmin({ clientId: 'test' });
    projection = createStatusProjection({
      broker: cluster.broker(), admin, registry, database: test.database, clock: systemClock, observer: { applied: () => undefined, trouble: (_, error) => { troubles.push(error); } },
      queues: null, discoverEveryMs: 3_600_000, retentionMs: 3_600_000, maxPayloadBytes: 16_384,
    });
    await projection.start();
    api = await createStatusApi({ database: test.database, broker: cluster.broker(), admin, registry, token: null, clock: systemClock, logger, queues: null, readWaitMs: 10_000, maxStreams: 2, heartbeatMs: 50, missed: () => { projection.discoverSoon(); } });
    await millrace.work([job]);
  });
  afterAll(async () => {
    gate.resolve();
    await millrace.close();
    await api.close();
    await projection.stop();
    await admin.close();
    await test.close();
  });

  const get = async <T>(path: string, status = 200): Promise<T> => {
    const response = await api.app.inject(path);
    expect(response.statusCode, response.body).toBe(status);
    return response.json();
  };
  const until = async (path: string, holds: (job: JobView) => boolean): Promise<JobView> => {
    for (let tries = 0; ; tries++) {
      const seen = await get<JobView>(path);
      if (holds(seen)) return seen;
      if (tries > 500) throw new Error(`never: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };

  it('finds a job as soon as it was accepted, by its id alone or with its place, and says 404 of none', async () => {
    const receipts = await millrace.enqueueMany(job, Array.from({ length: 20 }, (_, index) => payload('ada', index)));
    const answers = await Promise.all(receipts.map(({ id, partition, offset }, index) => get<JobView>(`/v1/jobs/${id}${index % 2 === 0 ? '' : `?after=orders/${partition}/${offset}`}`)));
    expect(answers.map(({ id }) => id)).toEqual(receipts.map(({ id }) => id));
    expect(answers[0]).toMatchObject({ queue: 'orders', kind: 'order.charge', key: 'ada', payload: { orderId: 'ada#0', city: 'Oslo' }, source: '/millrace', duplicate: false });
    expect(await get('/v1/jobs/nobody', 404)).toMatchObject({ code: 'JOB_UNKNOWN', status: 404 });
    expect(await get('/v1/jobs/nobody?after=orders/0/0', 404)).toMatchObject({ code: 'JOB_UNKNOWN' });
  });

  it('tells why a job is not running: who is ahead, what it waits for, that its kind or its workers are missing', async () => {
    const [first, second] = await millrace.enqueueMany(job, [payload('slow', 1), payload('slow', 2)]);
    await until(`/v1/jobs/${first?.id}`, ({ state, reason }) => state === 'waiting' && reason === 'retry');
    expect(await get(`/v1/jobs/${first?.id}/explain`)).toMatchObject({ causes: [{ code: 'retry' }], workers: 1, ahead: { count: 0 } });
    await until(`/v1/jobs/${second?.id}`, ({ state, reason }) => state === 'waiting' && reason === 'behind');
    const explained = await get<{ summary: string }>(`/v1/jobs/${second?.id}/explain`);
    expect(explained).toMatchObject({ causes: [{ code: 'behind' }], ahead: { count: 1, first: [{ id: first?.id, state: 'waiting', reason: 'retry' }] } });
    expect(explained.summary).toMatch(/One job of the key "slow" is before it; the first, .* is waiting \(retry until 20.*Z\)/);
    const stranger = await millrace.enqueue(unknown, payload('stranger', 1));
    await until(`/v1/jobs/${stranger.id}`, ({ reason }) => reason === 'unknown-kind');
    expect(await get(`/v1/jobs/${stranger.id}/explain`)).toMatchObject({ causes: [{ code: 'unknown-kind' }, { code: 'no-worker-knows-kind' }] });
    const alone = await millrace.enqueue(idle, payload('x', 1));
    expect(await get(`/v1/jobs/${alone.id}/explain`)).toMatchObject({ causes: [{ code: 'not-read-yet' }, { code: 'no-workers' }], workers: 0, unreadBefore: 1 });
    const later = await millrace.enqueue(idle, payload('y', 1), { delay: '1h' });
    expect(await get<JobView>(`/v1/jobs/${later.id}`)).toMatchObject({ state: 'scheduled' });
  });

  it('shows attempts and errors in order', async () => {
    const { id } = await millrace.enqueue(job, payload('twice', 1));
    const seen = await until(`/v1/jobs/${id}`, ({ state }) => state === 'done');
    expect(seen).toMatchObject({ attempts: 2, error: null });
    const bad = await millrace.enqueue(job, payload('bad', 1));
    expect(await until(`/v1/jobs/${bad.id}`, ({ state }) => state === 'dead')).toMatchObject({ reason: 'dead', error: { message: 'no order 4711' } });
    const { events } = await get<{ events: { type: string; n: number; attempt: number }[] }>(`/v1/jobs/${bad.id}/timeline`);
    expect(events[0]).toMatchObject({ type: 'enqueued', n: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'buried', attempt: 1, reason: 'dead', error: { message: 'no order 4711' } });
    expect(await get(`/v1/jobs/${bad.id}/explain`)).toMatchObject({ causes: [{ code: 'finished' }] });
  });

  it('lists by what one knows of jobs, page by page, each once', async () => {
    const all: JobView[] = [];
    let cursor: string | null = null;
    do {
      const page: { jobs: JobView[]; cursor: string | null } = await get(`/v1/jobs?queue=orders&key=ada&limit=7${cursor === null ? '' : `&cursor=${cursor}`}`);
      expect(page.jobs.length).toBeLessThanOrEqual(7);
      all.push(...page.jobs);
      cursor = page.cursor;
    } while (cursor !== null);
    expect(all.map(({ payload: shown }) => (shown as JobV1).sequence).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    const ids = async (query: string) => (await get<{ jobs: JobView[] }>(`/v1/jobs?${query}`)).jobs.map(({ payload: shown }) => (shown as JobV1).orderId).toSorted();
    const [bad] = (await get<{ jobs: JobView[] }>('/v1/jobs?state=dead')).jobs;
    expect(bad?.error?.code).toBeDefined();
    expect(await ids('state=dead&state=waiting&queue=orders&reason=retry')).toEqual(['slow#1']);
    expect(await ids(`fingerprint=${bad?.error?.fingerprint}`)).toEqual(['bad#1']);
    expect(await ids(`errorCode=${bad?.error?.code}&errorText=NO%20ORDER`)).toContain('bad#1');
    expect(await ids('payload=city=Oslo')).toEqual(['ada#0']);
    expect(await ids('payload=city=Porto&kind=order.unheard')).toEqual(['stranger#1']);
    expect(await ids('payload.city=Oslo&payload.sequence=0&payload.express=false')).toEqual(['ada#0']);
    expect(await ids('state=scheduled')).toEqual(['y#1']);
    expect(await ids('queue=idle&state=queued')).toEqual(['x#1']);
    expect(await ids(`from=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    expect((await ids(`to=${new Date(Date.now() + 60_000).toISOString()}`)).length).toBeGreaterThan(20);
  });

  it.each([
    ['limit=0', 'query.limit'], ['limit=501', 'query.limit'], ['state=asleep', 'query.state.0'], ['colour=red', 'query.colour'], ['from=yesterday', 'query.from'], ['to=2016-12-31T23:59:60Z', 'query.to'],
    ['queue=a/b', 'query.queue'], ['payload=novalue', 'query.payload.0'], ['payload.=x', 'query.payload.'], [`key=${'k'.repeat(2000)}`, 'query.key'],
  ])('refuses ?%s, and names the field', async (query, field) => {
    expect(await get(`/v1/jobs?${query}`, 400)).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ field }] });
  });

  it('refuses a time that no Date holds, also of the dead', async () => {
    expect(await get('/v1/queues/orders/dead?from=2016-12-31T23:59:60Z', 400)).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ field: 'query.from' }] });
    const answer = await api.app.inject({ method: 'POST', url: '/v1/queues/orders/redrive', payload: { dryRun: true, from: '2016-12-31T23:59:60Z' } });
    expect(answer.json()).toMatchObject({ status: 422, code: 'REQUEST_INVALID', errors: [{ field: 'body.from' }] });
    expect(await get('/v1/jobs?from=0000-01-01T00:00:00Z&to=0001-01-01T00:00:00Z')).toMatchObject({ jobs: [] });
    expect((await get<{ jobs: JobView[] }>('/v1/jobs?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z')).jobs.length).toBeGreaterThan(20);
  });

  it.each([`/v1/jobs?payload=a=1&${Array.from({ length: 8 }, (_, n) => `payload.f${n}=1`).join('&')}`, '/v1/jobs?cursor=bm9uc2Vuc2U', '/v1/jobs?cursor=WzEsInEiLC0xZTMwMCwwXQ', '/v1/jobs?key=a%00b', '/v1/jobs/x?after=nowhere'])('refuses %s', async (path) => {
    expect(await get(path, 400)).toMatchObject({ code: 'BAD_QUERY' });
  });

  it('counts a worker that has had nothing to tell, and none that ended', async () => {
    const workers = async () => (await get<{ workers: { worker: string; seenAt: string | null }[] }>('/v1/queues/orders')).workers;
    const second = createMillrace({ brokers: [], registryUrl: '', broker: cluster.broker(), registry, topics: { partitions: 2, replicationFactor: 1 }, logger });
    await second.work([job]);
    await expect.poll(workers, { timeout: 20_000 }).toHaveLength(2);
    expect(await workers()).toContainEqual(expect.objectContaining({ seenAt: null }));
    await second.close();
    await expect.poll(workers, { timeout: 20_000 }).toHaveLength(1);
  }, 60_000);

  it.each(['/v1/jobs/a%00b', '/v1/jobs/%E0%A4%A', '/v1/nothing', `/v1/jobs/${'x'.repeat(500)}`])('answers %s with a problem', async (path) => {
    const response = await api.app.inject(path);
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(response.statusCode).toBeLessThan(500);
    expect(response.headers['content-type']).toContain('application/problem+json');
  });

  it('counts a queue\'s jobs by state, and tells its lag and its workers', async () => {
    gate.resolve();
    const ask = () => get<{ counts: Record<string, number>; workers: unknown[]; lag: number }>('/v1/queues/orders');
    let figures = await ask();
    for (let tries = 0; figures.counts['done'] !== 21 && tries < 500; tries++) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      figures = await ask();
    }
    expect(figures.counts).toEqual({ scheduled: 0, queued: 0, running: 0, waiting: 3, done: 21, dead: 1, cancelled: 0 });
    expect(figures).toMatchObject({ queue: 'orders', kinds: { 'order.charge': { done: 21, dead: 1, waiting: 2 }, 'order.unheard': { waiting: 1 } } });
    expect(figures.workers).toHaveLength(1);
    expect(await get('/v1/queues/idle')).toMatchObject({ lag: 2, counts: { queued: 1, scheduled: 1 }, workers: [] });
    expect((await get<{ queues: unknown[] }>('/v1/queues')).queues).toHaveLength(2);
    expect(await get('/v1/queues/none', 404)).toMatchObject({ code: 'QUEUE_UNKNOWN' });
    const { minutes } = await get<{ minutes: { enqueued: number; done: number }[] }>('/v1/queues/orders/minutes');
    expect(minutes.reduce((sum, { enqueued }) => sum + enqueued, 0)).toBe(25);
    expect(minutes.reduce((sum, one) => sum + one.done, 0)).toBe(21);
  });

  it('describes itself: every route is in its OpenAPI document', async () => {
    const { openapi, paths, components } = await get<{ openapi: string; paths: Record<string, unknown>; components: { schemas: Record<string, unknown> } }>('/openapi.json');
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths).toSorted()).toEqual([
      '/v1/jobs', '/v1/jobs/{id}', '/v1/jobs/{id}/cancel', '/v1/jobs/{id}/dead', '/v1/jobs/{id}/discard', '/v1/jobs/{id}/events', '/v1/jobs/{id}/explain', '/v1/jobs/{id}/redrive',
      '/v1/jobs/{id}/run-now', '/v1/jobs/{id}/tags/{tag}', '/v1/jobs/{id}/timeline', '/v1/queues', '/v1/queues/{queue}', '/v1/queues/{queue}/dead', '/v1/queues/{queue}/discard',
      '/v1/queues/{queue}/minutes', '/v1/queues/{queue}/pause', '/v1/queues/{queue}/pauses', '/v1/queues/{queue}/redrive', '/v1/queues/{queue}/resume', '/v1/sendings/{id}', '/v1/tag-rules', '/v1/tag-rules/{id}',
      '/v1/webhooks', '/v1/webhooks/{id}',
    ]);
    expect(Object.keys(components.schemas).toSorted()).toEqual(['Commanded', 'DeadJob', 'Explanation', 'Job', 'JobPage', 'Pauses', 'Problem', 'Queue', 'Rehearsal', 'Sending', 'TagRule', 'Timeline', 'TimelineEvent', 'Webhook']);
  });

  it('says of a queue that is there, but not in the tables yet, that it is behind; not that there is none', async () => {
    const fresh = defineJob({ kind: 'fresh.kind', queue: 'fresh', schema: jobV1, key: ({ note }) => note ?? '', handle });
    await millrace.enqueue(fresh, payload('x', 1));
    const pause = () => api.app.inject({ method: 'POST', url: '/v1/queues/fresh/pause', payload: {} });
    const first = await pause();
    expect(first.json()).toMatchObject({ status: 503, code: 'STATUS_BEHIND' });
    expect(first.headers['retry-after']).toBeDefined();
    await expect.poll(async () => (await pause()).statusCode, { timeout: 20_000 }).toBe(202);
  });

  it('meets no trouble on the way', () => {
    expect(troubles).toEqual([]);
  });
});
