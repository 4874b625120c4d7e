import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { compileLargePayloads } from '../../../shared/claims/largePayloads.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, done, retry } from '../../../shared/jobs/outcome.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { createMillrace, type Millrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { dropProjection } from '../../../shared/status/dropProjection.ts';
import type { JobView, TimelineView } from '../../../shared/status/jobView.ts';
import { createStatusProjection, type StatusProjection } from '../../../shared/status/statusProjection.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createStatusApi, type StatusApi } from '../../../services/status/api/createStatusApi.ts';
import { createMemoryClaims } from '../../unit/claims/memoryClaims.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

const TOKEN = 'a-token-of-this-test';
const payload = (note: string, sequence: number): JobV1 => ({
  orderId: `${note}#${sequence}`, customer: 'c', email: 'c@example.org', city: 'Porto', createdAt: 0, sequence, amount: 1.5, currency: 'EUR',
  priority: 1, express: false, note, lines: [], tags: [],
});

/** Commands over HTTP, carried out by a worker on a Kafka in memory, in real time. */
describe.each(databaseKinds)('commands over HTTP (%s)', (kind) => {
  const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
  const registry = createMemoryRegistry();
  const cluster = createMemoryCluster({ clock: systemClock, random: Math.random });
  const ran: string[] = [];
  const store = createMemoryClaims(systemClock);
  const largePayloads = { store, overBytes: 20_000 };
  const job = defineJob({
    kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ note }) => note ?? '',
    handle({ orderId, note = '', currency }, { attempt }) {
      ran.push(orderId);
      if (note?.startsWith('slow') === true) return attempt === 1 ? retry('1h') : done();
      return note?.startsWith('bad') === true && currency === 'EUR' ? dead(`no order ${orderId}`) : done();
    },
  });
  const holding = defineJob({ kind: 'order.hold', queue: 'orders', schema: jobV1, key: ({ note }) => note ?? '', whenBuried: 'hold', handle: ({ sequence }) => (sequence === 0 ? dead('held') : done()) });
  let test: TestDatabase;
  let millrace: Millrace;
  let admin: Admin;
  let projection: StatusProjection;
  let api: StatusApi;

  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    const topics = { partitions: 2, replicationFactor: 1 };
    millrace = createMillrace({ brokers: [], registryUrl: '', broker: cluster.broker(), registry, topics, logger, largePayloads });
    await millrace.work([job, holding]);
    admin = cluster.broker().createAdmin({ clientId: 'test' });
    projection = createStatusProjection({
      broker: cluster.broker(), admin, registry, database: test.database, clock: systemClock, observer: { applied: () => undefined, trouble: () => undefined },
      queues: null, discoverEveryMs: 3_600_000, retentionMs: 3_600_000, maxPayloadBytes: 16_384,
    });
    await projection.start();
    api = await createStatusApi({
      database: test.database, broker: cluster.broker(), admin, registry, clock: systemClock, logger, queues: null, token: TOKEN, readWaitMs: 10_000, maxStreams: 2,
      largePayloads: compileLargePayloads(largePayloads, systemClock),
    });
  });
  afterAll(async () => {
    await millrace.close();
    await api.close();
    await projection.stop();
    await admin.close();
    await test.close();
  });

  const ask = async <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, status: number, body?: unknown): Promise<T> => {
    const response = await api.app.inject({ method, url: path, headers: { authorization: `Bearer ${TOKEN}` }, ...(body === undefined ? {} : { payload: body as object }) });
    expect(response.statusCode, `${method} ${path}: ${response.body}`).toBe(status);
    return (response.body === '' ? undefined : response.json()) as T;
  };
  const until = async <T>(path: string, holds: (found: T) => boolean): Promise<T> => {
    for (let tries = 0; ; tries++) {
      const seen = await ask<T>('GET', path, 200);
      if (holds(seen)) return seen;
      if (tries > 500) throw new Error(`never: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };
  const untilState = (id: string, state: string) => until<JobView>(`/v1/jobs/${id}`, (found) => found.state === state);
  /** Jobs that are dead, each of an entity of its own. */
  const bury = async (name: string, count: number): Promise<string[]> => {
    const receipts = await millrace.enqueueMany(job, Array.from({ length: count }, (_, index) => payload(`bad-${name}-${index}`, index)));
    await Promise.all(receipts.map(({ id }) => untilState(id, 'dead')));
    return receipts.map(({ id }) => id);
  };
  const runs = (orderId: string): number => ran.filter((one) => one === orderId).length;

  it('let nobody in without the token, but for the description', async () => {
    for (const authorization of [undefined, 'Bearer wrong', `Basic ${TOKEN}`, TOKEN]) {
      const refused = await api.app.inject({ method: 'POST', url: '/v1/queues/orders/pause', headers: authorization === undefined ? {} : { authorization } });
      expect([refused.statusCode, refused.json<{ code: string }>().code, refused.headers['www-authenticate']]).toEqual([401, 'UNAUTHORIZED', 'Bearer']);
    }
    expect((await api.app.inject('/openapi.json')).statusCode).toBe(200);
    expect((await api.app.inject('/v1/queues')).statusCode).toBe(401);
  });

  it('cancel a job that waits, run another one now, and refuse what makes no sense in its state', async () => {
    const [one, other] = await millrace.enqueueMany(job, [payload('slow-1', 1), payload('slow-2', 2)]);
    const [first, second] = [one?.id ?? '', other?.id ?? ''];
    await untilState(first, 'waiting');
    await untilState(second, 'waiting');
    expect(await ask('POST', `/v1/jobs/${first}/redrive`, 409)).toMatchObject({ code: 'WRONG_STATE' });
    expect(await ask('GET', `/v1/jobs/${first}/dead`, 409)).toMatchObject({ code: 'WRONG_STATE' });
    expect(await ask('POST', `/v1/jobs/${first}/cancel`, 202)).toMatchObject({ id: first, command: 'cancel', at: `orders/${one?.partition}/${one?.offset}` });
    await ask('POST', `/v1/jobs/${second}/run-now`, 202);
    expect(await untilState(first, 'cancelled')).toMatchObject({ reason: 'cancelled', attempts: 1 });
    await untilState(second, 'done');
    expect([runs('slow-1#1'), runs('slow-2#2')]).toEqual([1, 2]);
    for (const [id, command] of [[first, 'cancel'], [second, 'run-now'], [second, 'discard']]) expect(await ask('POST', `/v1/jobs/${id}/${command}`, 409)).toMatchObject({ code: 'WRONG_STATE' });
    expect(await ask('POST', '/v1/jobs/nobody/cancel', 404)).toMatchObject({ code: 'JOB_UNKNOWN' });
  });

  it('count the doubles of a job, which are jobs of their own', async () => {
    await millrace.enqueue(job, payload('twin', 1), { id: 'twin', unique: '1h' });
    await untilState('twin', 'done');
    await millrace.enqueue(job, payload('twin', 2), { id: 'twin', unique: '1h' });
    await until<JobView>('/v1/jobs/twin', ({ duplicates }) => duplicates === 1);
    expect((await ask<{ jobs: JobView[] }>('GET', '/v1/jobs?id=twin', 200)).jobs.map(({ state, reason, duplicate, duplicates }) => [state, reason, duplicate, duplicates])).toEqual([['cancelled', 'duplicate', true, 0], ['done', null, false, 1]]);
  });

  it('show a dead job whole, refuse a payload that does not fit, and run it with another one, once', async () => {
    const [id = ''] = await bury('edit', 1);
    const shown = await ask<{ headers: Record<string, string>; events: TimelineView[] }>('GET', `/v1/jobs/${id}/dead`, 200);
    expect(shown).toMatchObject({ job: { id, state: 'dead' }, reason: 'dead', attempts: 1, schema: 'bench.Job', payload: { orderId: 'bad-edit-0#0' }, payloadFlaw: null, lastError: { message: 'no order bad-edit-0#0' } });
    expect(shown.headers).toMatchObject({ ce_id: id, ce_type: 'order.charge' });
    expect(shown.events.at(-1)).toMatchObject({ type: 'buried' });
    expect(await ask('POST', `/v1/jobs/${id}/redrive`, 422, { payload: { ...payload('bad-edit-0', 0), amount: 'much', colour: 'red' } })).toMatchObject({ code: 'BAD_PAYLOAD', errors: [{ field: 'payload.amount' }, { field: 'payload.colour' }] });
    expect(await ask('POST', `/v1/jobs/${id}/redrive`, 422, { schema: 'newest' })).toMatchObject({ code: 'REQUEST_INVALID' });
    await ask('POST', `/v1/jobs/${id}/redrive`, 202, { payload: { ...payload('bad-edit-0', 0), currency: 'USD' }, schema: 'own' });
    await untilState(id, 'done');
    expect(runs('bad-edit-0#0')).toBe(2);
    expect(await ask('GET', `/v1/jobs/${id}/dead`, 200)).toMatchObject({ payload: { currency: 'EUR' } });
  });

  it('mean the payload, not the claim in its place, where a dead job\'s payload lies in the store', async () => {
    const large = (currency: JobV1['currency']): JobV1 => ({ ...payload('bad-large', 0), currency, email: 'e'.repeat(30_000) });
    const { id } = await millrace.enqueue(job, large('EUR'));
    await untilState(id, 'dead');
    const [object = ''] = store.objects.keys();
    expect(await ask('GET', `/v1/jobs/${id}/dead`, 200)).toMatchObject({ schema: null, payload: null, payloadFlaw: expect.stringContaining(object) as string });
    expect(await ask('POST', `/v1/jobs/${id}/redrive`, 422, { payload: { object, size: 1, sha256: '' } })).toMatchObject({ code: 'BAD_PAYLOAD' });
    store.down = 'CLAIM_STORE_UNAVAILABLE';
    expect(await ask('POST', `/v1/jobs/${id}/redrive`, 503, { payload: large('USD') })).toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE' });
    store.down = null;
    await expect.poll(async () => (await api.app.inject({ method: 'POST', url: `/v1/jobs/${id}/redrive`, headers: { authorization: `Bearer ${TOKEN}` }, payload: { payload: large('USD') } })).statusCode, { timeout: 10_000 }).toBe(202);
    await untilState(id, 'done');
    expect([runs('bad-large#0'), store.objects.size]).toEqual([2, 2]);
  });

  it('give a dead job up with a reason; and let go what a held one holds', async () => {
    const [id = ''] = await bury('give', 1);
    await ask('POST', `/v1/jobs/${id}/discard`, 202, { reason: 'the customer is gone' });
    expect(await untilState(id, 'cancelled')).toMatchObject({ reason: 'discarded', note: 'the customer is gone', error: { message: 'no order bad-give-0#0' } });
    expect(await ask('GET', `/v1/queues/orders/dead?id=${id}`, 200)).toEqual({ jobs: [], cursor: null });
    await ask('POST', `/v1/jobs/${id}/redrive`, 202);
    await untilState(id, 'dead');

    const [head, next] = await millrace.enqueueMany(holding, [payload('held', 0), payload('held', 1)]);
    await until<JobView>(`/v1/jobs/${head?.id}`, ({ reason }) => reason === 'held');
    await ask('POST', `/v1/jobs/${head?.id}/discard`, 202, { reason: 'skip it' });
    await untilState(next?.id ?? '', 'done');
    expect(await untilState(head?.id ?? '', 'cancelled')).toMatchObject({ reason: 'discarded', note: 'skip it' });
  });

  it('rehearse on many what they would do, then do it to those alone, each once, no more than asked', async () => {
    const ids = await bury('many', 6);
    const keys = ids.map((_, index) => `bad-many-${index}`);
    const rehearsed = await ask<{ sample: JobView[]; groups: { fingerprint: string }[] }>('POST', '/v1/queues/orders/redrive', 200, { keys, max: 4, dryRun: true });
    expect(rehearsed).toMatchObject({ dryRun: true, matching: 6, selected: 4, groups: [{ kind: 'order.charge', errorCode: 'DEAD', jobs: 6 }] });
    expect(rehearsed.sample.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await ask('POST', '/v1/queues/orders/redrive', 200, { fingerprint: rehearsed.groups[0]?.fingerprint, keys: keys.slice(0, 2), dryRun: true })).toMatchObject({ matching: 2 });
    expect(await ask('POST', '/v1/queues/orders/redrive', 422, { max: 5 })).toMatchObject({ code: 'BAD_COMMAND' });
    for (const dryRun of [null, 'true', 1]) expect(await ask('POST', '/v1/queues/orders/redrive', 422, { all: true, dryRun })).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ field: 'body.dryRun' }] });
    expect(await ask('POST', '/v1/queues/none/redrive', 404, { all: true })).toMatchObject({ code: 'QUEUE_UNKNOWN' });
    expect(await ask('POST', '/v1/queues/orders/redrive', 422, { key: 'a' })).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ field: 'body.key' }] });
    expect(ran.filter((one) => one.startsWith('bad-many'))).toHaveLength(6);

    const both = await Promise.all([1, 2].map(() => ask<{ id: string; state: string; sent: number }>('POST', '/v1/queues/orders/redrive', 202, { ids, errorCode: 'DEAD', max: 4 })));
    for (const { id } of both) expect(await until<{ state: string }>(`/v1/sendings/${id}`, ({ state }) => state !== 'running')).toMatchObject({ state: 'done', selected: 4, sent: 4, command: 'redrive' });
    const buriedTwice = async () => (await Promise.all(ids.map((id) => ask<{ events: TimelineView[] }>('GET', `/v1/jobs/${id}/timeline`, 200)))).filter(({ events }) => events.filter(({ type }) => type === 'buried').length === 2).length;
    for (let tries = 0; await buriedTwice() < 4 && tries < 500; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(await buriedTwice()).toBe(4);
    expect(ran.filter((one) => one.startsWith('bad-many'))).toHaveLength(10);
    expect(await ask('POST', '/v1/queues/orders/discard', 202, { ids, reason: 'enough' })).toMatchObject({ command: 'discard', selected: 6 });
    for (const id of ids) expect(await untilState(id, 'cancelled')).toMatchObject({ note: 'enough' });
  });

  it('go on in the background where a pace is asked for, until somebody stops them', async () => {
    const ids = await bury('paced', 3);
    const { id } = await ask<{ id: string }>('POST', '/v1/queues/orders/redrive', 202, { ids, perSecond: 0.001 });
    await until<{ sent: number }>(`/v1/sendings/${id}`, ({ sent }) => sent === 1);
    await ask('DELETE', `/v1/sendings/${id}`, 202);
    expect(await until<{ state: string }>(`/v1/sendings/${id}`, ({ state }) => state !== 'running')).toMatchObject({ state: 'stopped', selected: 3, sent: 1, error: null });
    expect(await ask('GET', '/v1/sendings/none', 404)).toMatchObject({ code: 'SENDING_UNKNOWN' });
  });

  it('pause a queue, a kind, a key; say so at once, also of the job that it holds; and resume', async () => {
    await ask('POST', '/v1/queues/orders/pause', 202, { key: 'still' });
    await ask('POST', '/v1/queues/orders/pause', 202, { kind: 'order.none' });
    const { pauses } = await ask<{ pauses: { type: string; key?: string; partitions: number[] }[] }>('GET', '/v1/queues/orders/pauses', 200);
    expect(pauses).toMatchObject([{ type: 'key', key: 'still', partitions: [expect.any(Number)] }, { type: 'kind', kind: 'order.none', partitions: [0, 1] }]);
    const { id } = await millrace.enqueue(job, payload('still', 1));
    const explained = await until<{ summary: string; causes: { code: string }[] }>(`/v1/jobs/${id}/explain`, ({ causes }) => causes[0]?.code === 'paused');
    expect(explained.summary).toMatch(/^The key "still" is paused since 20/);
    await ask('POST', '/v1/queues/orders/resume', 202, { key: 'still' });
    await untilState(id, 'done');
    await ask('POST', '/v1/queues/orders/pause', 202);
    expect((await ask<{ pauses: { type: string }[] }>('GET', '/v1/queues/orders/pauses', 200)).pauses.map(({ type }) => type)).toEqual(['kind', 'queue']);
    await ask('POST', '/v1/queues/orders/resume', 202);
    await ask('POST', '/v1/queues/orders/resume', 202, { kind: 'order.none' });
    expect(await ask('GET', '/v1/queues/orders/pauses', 200)).toEqual({ pauses: [] });
    expect(await ask('POST', '/v1/queues/orders/pause', 422, { kind: 'a', key: 'b' })).toMatchObject({ code: 'BAD_COMMAND' });
  });

  it('tag jobs by hand and by rule, choose by tag, and lose neither tags nor discards when all is read anew', async () => {
    const [before = ''] = await bury('before', 1);
    const rule = await ask<{ id: string }>('POST', '/v1/tag-rules', 201, { tag: 'for-ada', errorCode: 'DEAD', kind: 'order.charge' });
    await ask('POST', '/v1/tag-rules', 201, { tag: 'never', fingerprint: 'none' });
    expect(await ask('POST', '/v1/tag-rules', 422, { tag: 'anything' })).toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await ask<{ rules: unknown[] }>('GET', '/v1/tag-rules', 200)).rules).toMatchObject([{ tag: 'for-ada', queue: null, errorCode: 'DEAD' }, { tag: 'never' }]);
    const [one = '', other = '', third = ''] = await bury('tagged', 3);
    for (const id of [one, other, third]) await until<JobView>(`/v1/jobs/${id}`, ({ tags }) => tags.includes('for-ada'));
    expect(await ask('GET', `/v1/jobs/${before}`, 200)).toMatchObject({ tags: [] });
    await ask('PUT', `/v1/jobs/${one}/tags/asked:bank`, 204);
    await ask('PUT', `/v1/jobs/${one}/tags/asked:bank`, 204);
    await ask('DELETE', `/v1/jobs/${other}/tags/for-ada`, 204);
    expect(await ask('PUT', `/v1/jobs/${one}/tags/two%20words`, 400)).toMatchObject({ code: 'REQUEST_INVALID' });
    await ask('POST', `/v1/jobs/${third}/discard`, 202, { reason: 'kept' });
    await untilState(third, 'cancelled');
    await ask('DELETE', `/v1/tag-rules/${rule.id}`, 204);
    expect(await ask('DELETE', `/v1/tag-rules/${rule.id}`, 404)).toMatchObject({ code: 'TAG_RULE_UNKNOWN' });

    const all = async () => (await ask<{ jobs: JobView[] }>('GET', '/v1/jobs?limit=500', 200)).jobs;
    await until<{ jobs: JobView[] }>('/v1/jobs?state=scheduled&state=queued&state=running&state=waiting', ({ jobs }) => jobs.length === 0);
    const former = await all();
    await dropProjection(test.database);
    // The running projection finds its positions gone with the next records that it reads.
    await Promise.all([0, 1, 2, 3, 4, 5].map((index) => millrace.enqueue(job, payload(`nudge-${index}`, 1))));
    for (let tries = 0; tries < 500 && (await all()).filter(({ state }) => state === 'done').length < former.filter(({ state }) => state === 'done').length + 6; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
    const ids = new Set(former.map(({ id }) => id));
    expect((await all()).filter(({ id }) => ids.has(id))).toEqual(former);
    expect(await ask('GET', `/v1/jobs/${one}`, 200)).toMatchObject({ tags: ['asked:bank', 'for-ada'] });
    expect(await ask('GET', `/v1/jobs/${other}`, 200)).toMatchObject({ tags: [] });
    expect((await ask<{ jobs: JobView[] }>('GET', '/v1/queues/orders/dead?tag=for-ada', 200)).jobs.map(({ id }) => id)).toEqual([one]);
    expect((await ask<{ jobs: JobView[] }>('GET', '/v1/jobs?tag=for-ada&tag=other&queue=orders', 200)).jobs).toHaveLength(2);
    expect(await ask('POST', '/v1/queues/orders/redrive', 202, { tags: ['asked:bank'] })).toMatchObject({ selected: 1 });
    await until<JobView>(`/v1/jobs/${one}`, () => runs('bad-tagged-0#0') === 2);
  });
});
