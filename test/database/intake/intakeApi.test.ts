import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { chargeOrder, openDoor, order, type DoorStage } from './doorStage.ts';

let stage: DoorStage;
beforeAll(async () => { stage = await openDoor(); });
afterAll(() => stage.close());

const post = (body: unknown, headers: Record<string, string> = {}, path = '/v1/jobs') => stage.app.inject({ method: 'POST', url: path, headers: { 'content-type': 'application/json', ...headers }, payload: typeof body === 'string' ? body : JSON.stringify(body) });

describe('POST /v1/jobs', () => {
  it('answers 202 with the place of the record that Kafka has by then', async () => {
    const answer = await post({ kind: 'order.charge', payload: order(1), id: 'my-job' });
    expect(answer.statusCode, answer.body).toBe(202);
    const accepted: { id: string; at: string } = answer.json();
    expect(accepted).toMatchObject({ id: 'my-job', kind: 'order.charge', queue: 'orders' });
    expect(answer.headers.location).toBe(`/v1/jobs/my-job?after=${accepted.at}`);
    const [, partition, offset] = accepted.at.split('/');
    expect(String(stage.cluster.inspect.records('orders', Number(partition))[Number(offset)]?.headers?.['ce_id'])).toBe('my-job');
  });

  it('names each field that is wrong', async () => {
    const { note: _, ...rest } = order(1);
    const answer = await post({ kind: 'order.charge', payload: { ...rest, currency: 'EURO', lines: [{ sku: 1, quantity: 1.5, price: 2 }], emial: 'x' } });
    expect(answer.statusCode).toBe(422);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    const { code, errors }: { code: string; errors: { field: string }[] } = answer.json();
    expect(code).toBe('BAD_PAYLOAD');
    expect(errors.map(({ field }) => field)).toEqual(['body.payload.currency', 'body.payload.lines.0.sku', 'body.payload.lines.0.quantity', 'body.payload.emial']);
  });

  it('gives the same answer for the same key and body, and has one record', async () => {
    const body = { kind: 'order.charge', payload: order(2) };
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(body, { 'idempotency-key': 'k-1' })));
    const later = await post(body, { 'idempotency-key': 'k-1' });
    expect(new Set([...answers, later].map(({ statusCode }) => statusCode))).toEqual(new Set([202]));
    const ids = new Set([...answers, later].map((answer) => answer.body));
    expect(ids.size).toBe(1);
    const { id }: { id: string } = later.json();
    expect(stage.records('orders').filter((record) => record.id === id)).toHaveLength(1);
    const { kind, payload } = body;
    expect((await post({ payload: Object.fromEntries(Object.entries(payload).reverse()), kind }, { 'idempotency-key': 'k-1' })).statusCode).toBe(202);
    expect((await post({ ...body, payload: order(3) }, { 'idempotency-key': 'k-1' })).json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  it('says which kind was meant', async () => {
    const answer = await post({ kind: 'order.chrage', payload: {} });
    expect(answer.json()).toMatchObject({ status: 404, code: 'UNKNOWN_KIND', errors: [{ field: 'body.kind', message: 'is not known here; did you mean order.charge?' }] });
  });
});

describe('POST /v1/jobs/batch', () => {
  it('answers each line in order; a bad one spoils no other', async () => {
    const lines = Array.from({ length: 2000 }, (_, index) => (index === 777 ? '{"kind":"order.charge",' : JSON.stringify({ kind: 'order.charge', payload: order(index), id: `b${index}` })));
    const answer = await post(`${lines.slice(0, 5).join('\n')}\n\n${lines.slice(5).join('\n')}`, { 'content-type': 'application/x-ndjson' }, '/v1/jobs/batch');
    expect(answer.statusCode, answer.body.slice(0, 300)).toBe(200);
    const results = answer.body.trim().split('\n').map((line) => JSON.parse(line) as { line: number; status: number; job?: { id: string } });
    expect(results.map(({ line }) => line)).toEqual(lines.map((_, index) => index + (index < 5 ? 1 : 2)));
    expect(results.filter(({ status }) => status !== 202)).toMatchObject([{ line: 779, status: 400, problem: { code: 'BAD_JSON' } }]);
    expect(results[778]?.job?.id).toBe('b778');
  });

  it('takes large lines as room comes: a sender who is alone is not refused for his own', async () => {
    const narrow = await openDoor({ api: { maxBodyBytes: 1024 * 1024, idleMs: 30_000 } });
    const line = JSON.stringify({ kind: 'order.charge', payload: order(1, { city: 'x'.repeat(900_000) }) });
    const answer = await narrow.app.inject({ method: 'POST', url: '/v1/jobs/batch', headers: { 'content-type': 'application/x-ndjson' }, payload: Array.from({ length: 24 }, () => line).join('\n') });
    await narrow.close();
    expect(answer.body.trim().split('\n').map((one) => (JSON.parse(one) as { status: number }).status)).toEqual(Array.from({ length: 24 }, () => 202));
  });
});

it('tells nobody but the log what the database says, of a single job and of each line', async () => {
  let logged = '';
  const sick = await openDoor({ api: { logger: createLogger({ level: 'warn', service: 'test', destination: { write(line) { logged += line; } } }) } });
  await sick.database.script('drop table intake_keys');
  const send = (url: string, type: string) => sick.app.inject({ method: 'POST', url, headers: { 'content-type': type, 'idempotency-key': 'k' }, payload: JSON.stringify({ kind: 'order.charge', payload: order(1) }) });
  const answers = [await send('/v1/jobs', 'application/json'), await send('/v1/jobs/batch', 'application/x-ndjson')];
  await sick.close();
  for (const { body } of answers) {
    expect(body).toContain('DATABASE_REFUSED');
    expect(body).not.toContain('intake_keys');
  }
  expect(logged.match(/relation \\"intake_keys\\" does not exist/g)?.length).toBeGreaterThanOrEqual(2);
  expect(logged).toContain('"line":1');
});

it('describes exactly the routes that there are, and their schemas', async () => {
  const document: { paths: Record<string, Record<string, unknown>>; components: { schemas: Record<string, unknown> } } = (await stage.app.inject('/openapi.json')).json();
  const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)).toSorted();
  expect(described).toEqual(stage.routes.filter((route) => !/^HEAD |openapi/.test(route)).toSorted());
  expect(described).toHaveLength(2);
  expect(JSON.stringify(document)).not.toContain('schema0');
  expect(Object.keys(document.components.schemas).toSorted()).toEqual(['Accepted', 'BatchLine', 'BatchResult', 'Problem', 'Submission']);
  expect(chargeOrder.kind).toBe('order.charge');
});
