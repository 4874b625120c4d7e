import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDoor, order, type DoorStage } from './doorStage.ts';
import { until } from '../../until.ts';

const PATIENCE_MS = 1000;
let stage: DoorStage;
beforeAll(async () => { stage = await openDoor({ door: { patienceMs: PATIENCE_MS, maxPendingJobs: 50 } }); });
afterAll(() => stage.close());

const post = (sequence: number, key?: string) => stage.app.inject({
  method: 'POST', url: '/v1/jobs', headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }, payload: JSON.stringify({ kind: 'order.charge', payload: order(sequence) }),
});

it('answers 503 while Kafka is away, the first after its patience and others at once, holds nothing back, and goes on when it is there', async () => {
  const stall = stage.cluster.faults.onProduce(() => ({ type: 'stall' }));
  const first = await post(1, 'kept');
  expect(first.json()).toMatchObject({ status: 503, code: 'BROKER_UNAVAILABLE' });
  expect(Number(first.headers['retry-after'])).toBeGreaterThan(0);
  // But for a probe now and then, nobody waits for what is not there.
  const answers = await Promise.all(Array.from({ length: 40 }, async (_, index) => {
    const startMs = performance.now();
    const { statusCode } = await post(index + 2);
    return { statusCode, tookMs: performance.now() - startMs };
  }));
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([503]));
  expect(answers.filter(({ tookMs }) => tookMs >= PATIENCE_MS * 0.9).length).toBeLessThanOrEqual(1);
  expect(stage.door.outages().has('orders')).toBe(true);
  await until(() => stage.door.pendingJobs === 0, 'nothing to be under way');
  stall();
  let answer = first;
  await until(async () => (answer = await post(1, 'kept')).statusCode === 202, 'Kafka to take jobs again');
  expect(stage.door.outages().size).toBe(0);
  // It may be there twice, under one id: the engine drops the second.
  const { id }: { id: string } = answer.json();
  const bodies = stage.records('orders').filter((record) => record.id === id);
  expect(bodies.length).toBeGreaterThanOrEqual(1);
  expect(new Set(bodies.map(({ value }) => value.toString('hex'))).size).toBe(1);
});

it('refuses more at once than it may hold, before anything is kept of it', async () => {
  const hold = stage.cluster.faults.onProduce(() => ({ type: 'delay-ack', byMs: 200 }));
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => post(index + 100)));
  hold();
  const refused = answers.filter(({ statusCode }) => statusCode === 503);
  expect(refused.length).toBeGreaterThanOrEqual(100);
  expect(refused[0]?.json()).toMatchObject({ code: 'OVERLOADED' });
  expect(answers.filter(({ statusCode }) => statusCode === 202).length).toBeGreaterThanOrEqual(50);
});

it('refuses when it stops, and answers what is under way', async () => {
  const hold = stage.cluster.faults.onProduce(() => ({ type: 'delay-ack', byMs: 200 }));
  const underWay = post(900);
  await until(() => stage.door.pendingJobs > 0, 'the job to be under way');
  const closed = stage.door.close();
  expect((await post(901)).json()).toMatchObject({ status: 503, code: 'SHUTDOWN' });
  const batch = await stage.app.inject({ method: 'POST', url: '/v1/jobs/batch', headers: { 'content-type': 'application/x-ndjson' }, payload: '{}\n{}\n' });
  expect(batch.body.trim().split('\n').map((line) => JSON.parse(line) as object)).toMatchObject([{ line: 0, status: 503, problem: { code: 'SHUTDOWN' } }]);
  expect((await underWay).statusCode).toBe(202);
  await closed;
  hold();
});

it('refuses by HTTP what a full queue may not hold, with the time after which to try again; what is in already is answered still', async () => {
  const full = await openDoor({ database: stage.database, limits: { maxJobs: 20, maxDrainMs: 1e12 } });
  try {
    const send = (sequence: number) => full.app.inject({
      method: 'POST', url: '/v1/jobs', headers: { 'content-type': 'application/json', 'idempotency-key': `full-${sequence}` }, payload: JSON.stringify({ kind: 'order.ship', payload: order(sequence) }),
    });
    const inside = await send(0);
    expect(inside.statusCode).toBe(202);
    const answers = [];
    for (let sequence = 1; sequence < 40; sequence += 1) answers.push(await send(sequence));
    const refused = answers.filter(({ statusCode }) => statusCode === 503);
    // Between two looks at Kafka some may be counted twice, none may be forgotten.
    expect(full.records('shipping').length).toBeLessThanOrEqual(20);
    expect(refused.length).toBeGreaterThanOrEqual(20);
    expect(refused[0]?.json()).toMatchObject({ code: 'QUEUE_FULL' });
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await send(0)).body).toBe(inside.body);
  } finally {
    await full.close();
  }
});
