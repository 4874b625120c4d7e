import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { addWebhookRoutes } from '../../../services/status/api/webhookRoutes.ts';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { createSubscriptions } from '../../../shared/webhooks/subscriptions.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

describe.each(databaseKinds)('the webhooks of the status API (%s)', (kind) => {
  let opened: TestDatabase;
  let app: FastifyInstance;
  beforeAll(async () => {
    opened = await openTestDatabase(kind, inject('databaseUrl'));
    app = await createHttpApp({ logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }), title: 'test', description: '', version: '1' });
    await addWebhookRoutes(app, { database: opened.database, clock: systemClock, rules: createAddressRules([]) });
  });
  afterAll(async () => {
    await app.close();
    await opened.close();
  });
  const post = (payload: object) => app.inject({ method: 'POST', url: '/v1/webhooks', payload });

  it('tells the secret once, when a webhook is made', async () => {
    const wish = { url: 'https://example.org/hook', description: 'ops', queues: ['billing'], kinds: ['order.charge'], states: ['dead', 'cancelled'] };
    const answer = await post(wish);
    expect(answer.statusCode).toBe(201);
    const made = answer.json<{ id: string; secret: string; createdAt: string }>();
    expect(made).toMatchObject({ ...wish, disabledAt: null, disabledReason: null, secret: expect.stringMatching(/^whsec_/) as string });
    expect(answer.headers['location']).toBe(`/v1/webhooks/${made.id}`);

    const { secret: _, ...shown } = made;
    expect((await app.inject(`/v1/webhooks/${made.id}`)).json()).toEqual(shown);
    expect((await app.inject('/v1/webhooks')).json()).toEqual({ webhooks: [shown] });
    const stored = await createSubscriptions(opened.database).find(made.id);
    expect(stored).toMatchObject({ ...wish, secret: made.secret });

    expect((await app.inject({ method: 'DELETE', url: `/v1/webhooks/${made.id}` })).statusCode).toBe(204);
    expect((await app.inject({ method: 'DELETE', url: `/v1/webhooks/${made.id}` })).json()).toMatchObject({ status: 404, code: 'WEBHOOK_UNKNOWN' });
    expect((await app.inject(`/v1/webhooks/${made.id}`)).statusCode).toBe(404);
  });

  it.each<[what: string, body: object, field: string]>([
    ['no address', {}, 'body.url'], ['an address of this machine', { url: 'http://127.0.0.1/x' }, 'body.url'], ['metadata', { url: 'http://169.254.169.254/' }, 'body.url'], ['another protocol', { url: 'gopher://example.org/' }, 'body.url'],
    ['a password', { url: 'https://a:b@example.org/' }, 'body.url'], ['an unknown end', { url: 'https://example.org/', states: ['running'] }, 'body.states.0'], ['an unknown field', { url: 'https://example.org/', secret: 'mine' }, 'body.secret'],
    ['a number for a queue', { url: 'https://example.org/', queues: ['', 5] }, 'body.queues.0'], ['too many kinds', { url: 'https://example.org/', kinds: Array.from({ length: 101 }, (_, n) => `k${n}`) }, 'body.kinds'],
  ])('refuses %s, naming the field', async (_, body, field) => {
    const answer = await post(body);
    expect(answer.statusCode).toBe(422);
    expect(answer.json<{ errors: { field: string }[] }>().errors.map((error) => error.field)).toContain(field);
  });

  it('refuses text that no database holds', async () => {
    expect((await post({ url: 'https://example.org/', description: 'a\u0000b' })).json()).toMatchObject({ status: 400, code: 'BAD_QUERY' });
  });

  it('keeps what a webhook was first disabled for', async () => {
    const subscriptions = createSubscriptions(opened.database);
    const { id } = (await post({ url: 'https://example.org/gone' })).json<{ id: string }>();
    await subscriptions.disable(id, '410', Date.UTC(2026, 0, 1));
    await subscriptions.disable(id, 'again', Date.UTC(2026, 0, 2));
    expect((await app.inject(`/v1/webhooks/${id}`)).json()).toMatchObject({ disabledAt: '2026-01-01T00:00:00.000Z', disabledReason: '410' });
  });

  it('asks the database of a time after each call, however many come at once', async () => {
    let asked = 0;
    const { database } = opened;
    const subscriptions = createSubscriptions({ script: (sql) => database.script(sql), query: (sql, params) => { asked += 1; return database.query(sql, params); } });
    const before = subscriptions.listFresh();
    const { id } = (await post({ url: 'https://example.org/new' })).json<{ id: string }>();
    const after = await Promise.all(Array.from({ length: 50 }, () => subscriptions.listFresh()));
    await before;
    expect(after.every((list) => list.some((one) => one.id === id))).toBe(true);
    expect(asked).toBeLessThanOrEqual(3);
  });

  it('takes no more than a thousand', async () => {
    await opened.database.query(`insert into webhook_subscriptions (id, url, secret, description, queues, kinds, states, created_ms)
      select 'filler' || n, 'https://example.org/', 'whsec_', '', '{}', '{}', '{}', 0 from generate_series(1, 1000) n`);
    expect((await post({ url: 'https://example.org/one-more' })).json()).toMatchObject({ status: 409, code: 'TOO_MANY_WEBHOOKS' });
  });
});
