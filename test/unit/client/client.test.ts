import { describe, expect, it } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createCodec, createReader } from '../../../shared/avro/codec.ts';
import type { Registry } from '../../../shared/avro/registry.ts';
import { createClient, type ClientOptions } from '../../../shared/client/client.ts';
import { PartlyEnqueuedError } from '../../../shared/client/receipts.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { readEnqueuedAtMs, readJobId, readKind, readNotBeforeMs, readTrace } from '../../../shared/kafka/envelope.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { loseAck, refuse, refuseLargerThan, stall, times, when } from '../../../shared/kafka/memory/faultHooks.ts';
import { partitionFor } from '../../../shared/kafka/partitionFor.ts';
import { seededRandom } from '../../../shared/testing/seededRandom.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

const startMs = Date.parse('2026-01-02T03:04:05.678Z');
const chargeOrder = defineJob({ kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ customer }) => customer, handle: () => undefined });
const shipOrder = defineJob({ kind: 'order.ship', queue: 'shipping', schema: jobV1, key: null, order: 'none', handle: () => undefined });

const payload = (sequence: number, customer = 'ada'): JobV1 => ({
  orderId: `o-${sequence}`, customer, email: 'a@example.com', city: 'Wien', createdAt: startMs, sequence, amount: 1.5, currency: 'EUR', priority: 1,
  express: false, note: null, lines: [], tags: [],
});

function setUp(given: Partial<ClientOptions> = {}) {
  const clock = createVirtualClock(startMs);
  const cluster = createMemoryCluster({ clock, random: seededRandom(1) });
  cluster.inspect.createTopic({ name: 'orders', partitions: 3 });
  cluster.inspect.createTopic({ name: 'shipping', partitions: 2 });
  const registered: string[] = [];
  let registryDown = 0;
  const registry: Registry = {
    schemaById: () => Promise.reject(new MillraceError('SCHEMA_UNKNOWN')),
    register: async (subject) => {
      if (registryDown-- > 0) throw new MillraceError('REGISTRY_UNAVAILABLE');
      registered.push(subject);
      return 7;
    },
    isCompatible: async () => true,
    latest: async () => null,
  };
  const codec = createCodec({ registry, clock });
  const client = createClient({ broker: cluster.broker(), codec, source: '/test', clock, random: seededRandom(2), clientId: 'client', ...given });
  const reader = createReader(jobV1);
  const stored = (topic: string) => cluster.inspect.allRecords(topic).map(({ partition, offset, value }) => ({ partition, offset, sequence: codec.decode(value, reader).sequence }));
  /** Settles a promise by letting virtual time pass. */
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const mark = (): void => { settled = true; };
    work.then(mark, mark);
    await clock.runUntil(() => settled, { maxMs: 600_000 });
    return work;
  };
  return { clock, cluster, client, registered, stored, settle, failRegistry: (count: number) => { registryDown = count; } };
}

const codeOf = (work: Promise<unknown>) => work.then(() => 'no error', (error: unknown) => (error instanceof MillraceError ? error.code : error));

describe('enqueue', () => {
  it('answers with the place of the record once the broker has it', async () => {
    const { client, cluster, settle } = setUp();
    const receipt = await settle(client.enqueue(chargeOrder, payload(1)));
    expect(receipt).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown, topic: 'orders', partition: partitionFor('ada', 3), offset: 0 });
    const [record] = cluster.inspect.records('orders', receipt.partition);
    expect(record?.key?.toString()).toBe('ada');
    expect(readJobId(record?.headers, '', 0, 0)).toBe(receipt.id);
    expect(readKind(record?.headers)).toBe('order.charge');
    expect(readEnqueuedAtMs(record?.headers, 0)).toBeGreaterThanOrEqual(startMs);
    expect(readNotBeforeMs(record?.headers, startMs)).toBeNull();
  });

  it('does not answer before the broker does', async () => {
    const { client, cluster, clock, settle } = setUp();
    const release = cluster.faults.onProduce(stall);
    let answered = false;
    const work = client.enqueue(chargeOrder, payload(1)).then((receipt) => { answered = true; return receipt; });
    await clock.advance(10_000);
    expect(answered).toBe(false);
    release();
    expect((await settle(work)).offset).toBe(0);
  });

  it('writes what its options say', async () => {
    const { client, cluster, settle, clock } = setUp();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await settle(client.start());
    const now = clock.now();
    const receipt = await settle(client.enqueue(chargeOrder, payload(1), { id: 'my-id', key: 'grace', delay: '1h', traceparent }));
    expect(receipt).toMatchObject({ id: 'my-id', partition: partitionFor('grace', 3) });
    const { headers } = cluster.inspect.records('orders', receipt.partition)[0] ?? {};
    expect(readNotBeforeMs(headers, now)).toBe(now + 3_600_000);
    expect(readTrace(headers)).toEqual({ traceparent, tracestate: null });
  });

  it.each<[what: string, options: object, code: string]>([
    ['an unknown option', { dealy: '1h' }, 'BAD_ENQUEUE_OPTION'], ['a bare number as delay', { delay: 5 }, 'BAD_DURATION'],
    ['both delay and runAt', { delay: '1h', runAt: new Date() }, 'BAD_ENQUEUE_OPTION'], ['an invalid date', { runAt: new Date(NaN) }, 'BAD_ENQUEUE_OPTION'],
    ['a date too far ahead', { runAt: new Date(startMs + 400 * 86_400_000) }, 'BAD_ENQUEUE_OPTION'], ['an empty id', { id: '' }, 'BAD_ENQUEUE_OPTION'],
    ['an id with control characters', { id: 'a\u0000b' }, 'BAD_ENQUEUE_OPTION'], ['a long id', { id: 'é'.repeat(151) }, 'BAD_ENQUEUE_OPTION'],
    ['a bad traceparent', { traceparent: 'x' }, 'BAD_ENQUEUE_OPTION'], ['an empty key', { key: '' }, 'BAD_PAYLOAD'], ['a key that is no text', { key: 5 }, 'BAD_ENQUEUE_OPTION'],
  ])('refuses %s and enqueues nothing', async (_, options, code) => {
    const { client, stored, settle } = setUp();
    expect(await settle(codeOf(client.enqueue(chargeOrder, payload(1), options)))).toBe(code);
    expect(stored('orders')).toEqual([]);
  });

  it('names the field of a payload that does not fit', async () => {
    const { client, settle } = setUp();
    const bad = { ...payload(1), amount: 'much' } as unknown as JobV1;
    await expect(settle(client.enqueue(chargeOrder, bad))).rejects.toMatchObject({ code: 'BAD_PAYLOAD', detail: { at: expect.stringContaining('amount') as unknown } });
  });

  it('refuses a payload that names no entity', async () => {
    const { client, settle } = setUp();
    await expect(settle(client.enqueue(chargeOrder, payload(1, '')))).rejects.toMatchObject({ code: 'BAD_PAYLOAD', detail: { at: 'order.charge: key' } });
  });

  it('refuses a job that Kafka would refuse, before it is sent', async () => {
    const { client, stored, settle } = setUp({ maxRecordBytes: 2000 });
    const large = { ...payload(1), city: 'x'.repeat(2000) };
    expect(await settle(codeOf(client.enqueue(chargeOrder, large)))).toBe('BROKER_RECORD_TOO_LARGE');
    expect(stored('orders')).toEqual([]);
  });

  it('spreads jobs without a key', async () => {
    const { client, settle } = setUp();
    const receipts = await settle(client.enqueueMany(shipOrder, [payload(1), payload(2), payload(3), payload(4)]));
    expect(new Set(receipts.map(({ partition }) => partition))).toEqual(new Set([0, 1]));
  });

  it('keeps the order of calls, awaited or not, through a failed send', async () => {
    const { client, cluster, stored, settle } = setUp();
    cluster.faults.onProduce(times(2, when({ topic: 'orders' }, refuse('BROKER_UNAVAILABLE'))));
    await settle(Promise.all(Array.from({ length: 50 }, async (_, i) => {
      if (i >= 25) await Promise.resolve();
      return client.enqueue(chargeOrder, payload(i));
    })));
    expect(stored('orders').map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('tries again while the broker is away, and may then have enqueued twice under one id', async () => {
    const { client, cluster, settle } = setUp();
    cluster.faults.onProduce(times(1, () => loseAck()));
    const receipt = await settle(client.enqueue(chargeOrder, payload(1)));
    const records = cluster.inspect.records('orders', receipt.partition);
    expect(records.map(({ headers }) => readJobId(headers, '', 0, 0))).toEqual([receipt.id, receipt.id]);
    expect(receipt.offset).toBe(1);
  });

  it('gives up after the delivery timeout', async () => {
    const { client, cluster, clock, settle } = setUp({ deliveryTimeout: '30s' });
    await settle(client.start());
    const from = clock.monotonic();
    cluster.faults.onProduce(() => refuse('BROKER_UNAVAILABLE'));
    expect(await settle(codeOf(client.enqueue(chargeOrder, payload(1))))).toBe('BROKER_UNAVAILABLE');
    expect(clock.monotonic() - from).toBeGreaterThan(27_000);
    expect(clock.monotonic() - from).toBeLessThanOrEqual(30_000);
  });

  it('waits for a registry that is down, and registers each schema once', async () => {
    const { client, registered, settle, failRegistry } = setUp();
    failRegistry(3);
    await settle(Promise.all([client.enqueue(chargeOrder, payload(1)), client.enqueue(chargeOrder, payload(2))]));
    expect(registered).toEqual(['bench.Job']);
  });

  it('says at start what is wrong, and tries anew at the next call', async () => {
    const { client, cluster, settle } = setUp({ jobs: [chargeOrder] });
    cluster.inspect.deleteTopic('orders');
    expect(await settle(codeOf(client.start()))).toBe('TOPIC_MISSING');
    cluster.inspect.createTopic({ name: 'orders', partitions: 1 });
    expect((await settle(client.enqueue(chargeOrder, payload(1)))).partition).toBe(0);
  });

  it('refuses what defineJob did not make', async () => {
    const { client, settle } = setUp();
    expect(await settle(codeOf(client.enqueue(undefined as unknown as typeof chargeOrder, payload(1))))).toBe('UNKNOWN_KIND');
  });
});

describe('enqueueMany', () => {
  it('answers in the order of the jobs, whatever their partitions', async () => {
    const { client, cluster, settle } = setUp();
    const customers = ['ada', 'grace', 'edsger', 'barbara', 'tony', 'ada'];
    const receipts = await settle(client.enqueueMany(chargeOrder, customers.map((customer, i) => payload(i, customer))));
    receipts.forEach((receipt, i) => {
      const record = cluster.inspect.records('orders', receipt.partition)[receipt.offset];
      expect(record?.key?.toString()).toBe(customers[i]);
      expect(readJobId(record?.headers, '', 0, 0)).toBe(receipt.id);
    });
    expect(await settle(client.enqueueMany(chargeOrder, []))).toEqual([]);
  });

  it('takes jobs of several kinds, with options', async () => {
    const { client, settle } = setUp();
    const receipts = await settle(client.enqueueMany([[chargeOrder, payload(1), { id: 'first' }], [shipOrder, payload(2)]]));
    expect(receipts.map(({ topic, id }) => [topic, id === 'first'])).toEqual([['orders', true], ['shipping', false]]);
  });

  it('enqueues nothing when one payload is bad, and names its place', async () => {
    const { client, stored, settle } = setUp();
    const bad = { ...payload(1), sequence: null } as unknown as JobV1;
    await expect(settle(client.enqueueMany(chargeOrder, [payload(1), bad, payload(2)]))).rejects.toMatchObject({
      code: 'BAD_PAYLOAD', detail: { at: expect.stringMatching(/^\[1\] .*sequence/) as unknown },
    });
    expect(stored('orders')).toEqual([]);
  });

  it('sends many jobs in few requests', async () => {
    const { client, cluster, settle } = setUp();
    let requests = 0;
    cluster.faults.onProduce(() => { requests += 1; return undefined; });
    await settle(client.enqueueMany(chargeOrder, Array.from({ length: 999 }, (_, i) => payload(i, `c${i % 50}`))));
    expect(requests).toBeLessThanOrEqual(3);
  });

  it('lets only the record that is too large fail, and tells which jobs were accepted', async () => {
    const { client, cluster, stored, settle } = setUp();
    cluster.faults.onProduce(refuseLargerThan(2000));
    const payloads = Array.from({ length: 20 }, (_, i) => ({ ...payload(i), city: i === 13 ? 'x'.repeat(3000) : '' }));
    const error: unknown = await settle(client.enqueueMany(chargeOrder, payloads).catch((reason: unknown) => reason));
    if (!(error instanceof PartlyEnqueuedError)) throw new Error('not partly enqueued');
    expect(error.receipts.map((receipt) => receipt !== null)).toEqual(payloads.map((_, i) => i !== 13));
    expect(error.cause).toMatchObject({ code: 'BROKER_RECORD_TOO_LARGE' });
    expect(stored('orders').map(({ sequence }) => sequence)).toEqual(payloads.map((_, i) => i).filter((i) => i !== 13));
  });

  it('holds back what exceeds the bounds, in order, and loses nothing', async () => {
    const { client, cluster, stored, settle, clock } = setUp({ maxPendingJobs: 10 });
    await settle(client.start());
    const release = cluster.faults.onProduce(stall);
    const works = Array.from({ length: 35 }, (_, i) => client.enqueue(chargeOrder, payload(i)));
    await clock.advance(5000);
    let largest = 0;
    cluster.faults.onProduce(({ records }) => { largest = Math.max(largest, records.length); return undefined; });
    release();
    await settle(Promise.all(works));
    expect(stored('orders').map(({ sequence }) => sequence)).toEqual(works.map((_, i) => i));
    expect(largest).toBeLessThanOrEqual(10);
  });

  it('lets a job larger than all bounds through alone', async () => {
    const { client, settle } = setUp({ maxPendingBytes: 1 });
    expect(await settle(client.enqueueMany(chargeOrder, [payload(1), payload(2)]))).toHaveLength(2);
  });
});

describe('close', () => {
  it('waits for what is pending, then refuses', async () => {
    const { client, stored, settle } = setUp();
    const work = client.enqueue(chargeOrder, payload(1));
    const closed = client.close();
    expect(client.close()).toBe(closed);
    expect(await codeOf(client.enqueue(chargeOrder, payload(2)))).toBe('NOT_RUNNING');
    await settle(closed);
    await work;
    expect(stored('orders')).toHaveLength(1);
  });
});
