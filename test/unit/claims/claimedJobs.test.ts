import { expect, test } from 'vitest';
import { createCodec, createReader } from '../../../shared/avro/codec.ts';
import { createClient } from '../../../shared/client/client.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, done, retry } from '../../../shared/jobs/outcome.ts';
import type { JobOptions } from '../../../shared/jobs/jobOptions.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import { readBuriedRecord, readRetryRecord } from '../../../shared/kafka/envelope.ts';
import { objectName, sha256Of } from '../../../shared/claims/objectName.ts';
import { readClaimedResult } from '../../../shared/claims/claimedResults.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { replay } from '../../../shared/replay/replay.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { WorkerOptions } from '../../../shared/worker/worker.ts';
import { claimV1, type ClaimV1 } from '../../../schemas/millrace.Claim/payload.generated.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createInProcessStarter } from '../../../shared/testing/inProcessSandbox.ts';
import { createRig } from '../worker/rig.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';
import { createMemoryClaims } from './memoryClaims.ts';

const LARGE = 'x'.repeat(5000);

function openScene(more: Partial<JobOptions<string, JobV1>> & { answer?: (payload: JobV1, ctx: JobContext) => unknown } = {}) {
  const rig = createRig(['work']);
  const store = createMemoryClaims(rig.clock);
  const largePayloads = { store, overBytes: 1000 };
  const client = createClient({ broker: rig.cluster.broker(), codec: createCodec({ registry: rig.registry, clock: rig.clock }), source: '/test', clock: rig.clock, random: () => 0.5, largePayloads });
  const ran: string[] = [];
  const { answer, ...options } = more;
  const job = defineJob({
    kind: 'work.do', queue: 'work', schema: jobV1, key: (payload) => payload.customer, retry: { attempts: 3, backoff: { first: '2s', jitter: 0 } },
    handle: (payload, ctx) => {
      ran.push(`${payload.sequence}${payload.note === LARGE ? 'L' : ''}#${ctx.attempt}`);
      return answer?.(payload, ctx) as undefined;
    },
    ...options,
  } as JobOptions<string, JobV1>);
  const send = (sequence: number, large: boolean, customer = 'ada') => client.enqueue(job, { ...sampleJob(sequence, large ? LARGE : 'e'), customer });
  const startWorker = (given: Partial<WorkerOptions> = {}) => rig.startWorker([job], { largePayloads, ...given });
  const until = (condition: () => boolean) => rig.clock.runUntil(condition, { maxMs: 3_600_000 });
  const committed = (offset: number) => rig.clock.runUntil(() => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset === offset, { maxMs: 3_600_000 });
  const letters = () => rig.cluster.inspect.records('work.dlq', 0).map((record) => readBuriedRecord(record)?.burial);
  const waits = () => rig.cluster.inspect.records('work.retry', 0).flatMap((record) => {
    const read = readRetryRecord(record, 'work', 0, 0);
    return read.type === 'wait' ? [{ reason: read.waiting.reason, code: read.waiting.failure?.code, value: read.job.value }] : [];
  });
  return { ...rig, store, client, ran, job, send, startWorker, until, committed, letters, waits };
}

test('a large payload comes in order among the small ones of its entity, however long it takes to be put and read', async () => {
  const { store, send, settle, startWorker, committed, ran, cluster, registry, clock } = openScene();
  store.slowMs = 500;
  await settle(Promise.all([send(1, false), send(2, true), send(3, false), send(4, true), send(5, false)]));
  const values = cluster.inspect.records('work', 0).map(({ value }) => value);
  expect(values[1]?.length).toBeLessThan(200);
  const codec = createCodec({ registry, clock });
  await codec.register(claimV1);
  expect(codec.decode(values[1] ?? null, createReader(claimV1))).toMatchObject({ size: expect.any(Number) as number, object: [...store.objects.keys()][0] });
  await startWorker();
  await committed(5);
  expect(ran).toEqual(['1#1', '2L#1', '3#1', '4L#1', '5#1']);
});

test('other entities are sent and run while one waits for its object', async () => {
  const { store, send, settle, startWorker, clock, ran } = openScene();
  await settle(send(1, true, 'ada'));
  await settle(send(2, false, 'ada'));
  await settle(send(3, false, 'bob'));
  store.slowMs = 10_000;
  await startWorker();
  await clock.advance(5000);
  expect(ran).toEqual(['3#1']);
  await clock.advance(10_000);
  expect(ran).toEqual(['3#1', '1L#1', '2#1']);
});

test('the waiting room holds the claim alone, and each attempt reads the object', async () => {
  const { store, send, settle, startWorker, until, ran, waits, cluster } = openScene({ answer: (_, ctx) => (ctx.attempt < 3 ? retry() : undefined) });
  await settle(send(1, true));
  await startWorker();
  await until(() => ran.length === 3);
  expect(ran).toEqual(['1L#1', '1L#2', '1L#3']);
  expect(store.gets).toHaveLength(3);
  expect(waits().map(({ value }) => value)).toContainEqual(cluster.inspect.records('work', 0)[0]?.value);
});

test.each(['CLAIM_STORE_UNAVAILABLE', 'CLAIM_STORE_REFUSED'] as const)('a store that is down for an hour (%s) buries nothing and uses no attempt; the rest goes on', async (code) => {
  const { store, send, settle, startWorker, until, clock, ran, letters, waits } = openScene();
  await settle(Promise.all([send(1, true), send(2, false), send(3, false, 'bob'), send(4, true, 'bob')]));
  store.down = code;
  await startWorker();
  await clock.advance(3_600_000);
  expect(ran).toEqual(['3#1']);
  expect(waits().map(({ reason }) => reason)).toEqual(expect.arrayContaining(['dependency-down', 'behind']) as string[]);
  // Each was looked for now and then, not all the time.
  expect(store.gets.length).toBeLessThan(1000);
  store.down = null;
  await until(() => ran.length === 4);
  expect(ran.toSorted()).toEqual(['1L#1', '2#1', '3#1', '4L#1']);
  expect(ran.indexOf('1L#1')).toBeLessThan(ran.indexOf('2#1'));
  expect(letters()).toEqual([]);
});

test('an object that is late is waited for', async () => {
  const { store, send, settle, startWorker, until, clock, ran, letters } = openScene();
  await settle(send(1, true));
  const [[object, bytes]] = [...store.objects] as [[string, Buffer]];
  store.objects.clear();
  await startWorker();
  await clock.advance(300_000);
  store.objects.set(object, bytes);
  await until(() => ran.length === 1);
  expect(ran).toEqual(['1L#1']);
  expect(letters()).toEqual([]);
});

test('a job whose object is missing is buried after a quarter of an hour, also over restarts, and its successors run', async () => {
  const { store, send, settle, startWorker, until, clock, ran, letters } = openScene();
  await settle(Promise.all([send(1, true), send(2, false)]));
  store.objects.clear();
  for (let n = 0; n < 3; n++) {
    const worker = await startWorker();
    await clock.advance(240_000);
    await settle(worker.stop());
  }
  expect(letters()).toEqual([]);
  await startWorker();
  await until(() => ran.length === 1);
  expect(letters()).toMatchObject([{ reason: 'claim-missing', attempt: 0, failure: { code: 'CLAIM_MISSING' } }]);
  expect(ran).toEqual(['2#1']);
  expect(clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(1_000_000);
});

test('a worker that was given no store buries nothing at once: one that has it may come', async () => {
  const { send, settle, startWorker, until, clock, ran, letters } = openScene();
  await settle(send(1, true));
  const bare = await startWorker({ largePayloads: undefined });
  await clock.advance(600_000);
  expect(letters()).toEqual([]);
  await settle(bare.stop());
  await startWorker();
  await until(() => ran.length === 1);
  expect(ran).toEqual(['1L#1']);
});

test('a job whose object is another is buried for that, and nothing of it is run', async () => {
  const { store, send, settle, startWorker, committed, ran, letters } = openScene();
  await settle(send(1, true));
  const [object] = store.objects.keys();
  store.objects.get(object ?? '')?.writeUInt8(0x7f, 100);
  await startWorker();
  await committed(1);
  expect(ran).toEqual([]);
  expect(letters()).toMatchObject([{ reason: 'claim-mismatch', failure: { code: 'CLAIM_MISMATCH' } }]);
});

test.each<[what: string, claim: (good: ClaimV1) => ClaimV1]>([
  ['that leads out of the store', (good) => ({ ...good, object: '../../etc/passwd' })],
  ['of no name', (good) => ({ ...good, object: '' })],
  ['of a negative size', (good) => ({ ...good, size: -1 })],
  ['of a size that no memory holds', (good) => ({ ...good, size: 2 ** 51 })],
])('a claim %s is buried at once, and harms nothing', async (_, spoil) => {
  const { store, settle, startWorker, until, letters, ran, send, cluster, registry, clock } = openScene();
  await settle(send(1, true));
  const codec = createCodec({ registry, clock });
  const writer = await codec.register(claimV1);
  const good = codec.decode(cluster.inspect.records('work', 0)[0]?.value ?? null, createReader(claimV1));
  const producer = cluster.broker().createProducer({ clientId: 'stranger' });
  await settle(producer.start());
  const value = codec.encode(spoil(good), writer);
  await settle(producer.send('work', 0, [{ key: Buffer.from('ada'), value, headers: { ce_type: Buffer.from('work.do'), ce_id: Buffer.from('bad') } }]));
  await startWorker();
  await until(() => letters().length === 1);
  expect(letters()).toMatchObject([{ reason: 'undecodable', attempt: 0, failure: { code: 'CLAIM_INVALID' } }]);
  await until(() => ran.length === 1);
  expect(store.gets).toHaveLength(1);
});

test('a claim whose object is a claim is followed no further', async () => {
  const { store, settle, startWorker, until, letters, ran, send, cluster, registry, clock } = openScene();
  await settle(send(1, true));
  const codec = createCodec({ registry, clock });
  const writer = await codec.register(claimV1);
  const first = cluster.inspect.records('work', 0)[0]?.value ?? Buffer.alloc(0);
  const object = objectName('work', sha256Of(first), clock.now());
  store.objects.set(object, Buffer.from(first));
  const producer = cluster.broker().createProducer({ clientId: 'stranger' });
  await settle(producer.start());
  const value = codec.encode({ object, size: first.length, sha256: sha256Of(first) }, writer);
  await settle(producer.send('work', 0, [{ key: Buffer.from('ada'), value, headers: { ce_type: Buffer.from('work.do') } }]));
  await startWorker();
  await until(() => letters().length === 1);
  expect(letters()).toMatchObject([{ reason: 'undecodable', failure: { code: 'AVRO_MISMATCH' } }]);
  expect(ran).toEqual(['1L#1']);
  expect(store.gets).toHaveLength(2);
});

test('at-most-once jobs wait for their object too, and run once', async () => {
  const { store, send, settle, startWorker, clock, ran, letters } = openScene({ delivery: 'at-most-once', retry: { attempts: 1 } });
  await settle(send(1, true));
  store.down = 'CLAIM_STORE_UNAVAILABLE';
  await startWorker();
  await clock.advance(600_000);
  expect(ran).toEqual([]);
  store.down = null;
  await clock.advance(60_000);
  expect(ran).toEqual(['1L#1']);
  expect(letters()).toEqual([]);
});

test('batches take jobs with large payloads', async () => {
  const taken: string[] = [];
  const { send, settle, startWorker, committed } = openScene({
    handle: undefined, batch: { maxSize: 3, maxWait: '1s' },
    handleBatch: (jobs: readonly { payload: JobV1 }[]) => { taken.push(jobs.map(({ payload }) => payload.sequence).toSorted().join()); return jobs.map(() => done()); },
  });
  await settle(Promise.all([send(1, true, 'a'), send(2, false, 'b'), send(3, true, 'c')]));
  await startWorker();
  await committed(3);
  expect(taken.flatMap((batch) => batch.split(',')).toSorted()).toEqual(['1', '2', '3']);
});

test('isolated kinds take large payloads, also when they have to wait for a sandbox', async () => {
  const taken: number[] = [];
  const isolated = { async 'work.do'(given: JobV1) { if (given.note === LARGE) taken.push(given.sequence); await Promise.resolve(); } };
  const { store, send, settle, startWorker, until, clock } = openScene({ handle: undefined, isolated: { handler: new URL('file:///nowhere/work.js') } });
  await settle(Promise.all([1, 2, 3, 4].map((n) => send(n, true, `c${n}`))));
  await startWorker({ largePayloads: { store, overBytes: 1000 }, sandboxes: 1, startSandbox: createInProcessStarter(isolated, clock) });
  await until(() => taken.length === 4);
  expect(taken.toSorted()).toEqual([1, 2, 3, 4]);
  expect(store.gets).toHaveLength(4);
});

test('a job that cannot begin gives back the room of its bytes when others want it', async () => {
  const free = Promise.withResolvers<undefined>();
  const { store, send, settle, startWorker, until, clock, ran } = openScene({ answer: (payload) => (payload.sequence > 2 ? free.promise : undefined) });
  await startWorker({ largePayloads: { store, overBytes: 1000, maxFetchedBytes: 6000 }, concurrency: 2 });
  await settle(send(0, true));
  await until(() => ran.length === 1);
  store.slowMs = 3000;
  await settle(Promise.all([send(1, true, 'a'), send(2, true, 'b')]));
  await until(() => store.gets.length === 2);
  await settle(Promise.all([send(3, false, 'c'), send(4, false, 'd')]));
  await until(() => ran.length === 3);
  expect(ran.slice(1).toSorted()).toEqual(['3#1', '4#1']);
  await clock.advance(5000);
  expect(store.gets).toHaveLength(2);
  await clock.advance(20_000);
  expect(store.gets).toHaveLength(3);
  free.resolve(undefined);
  await until(() => ran.length === 5);
  expect(ran.slice(3).toSorted()).toEqual(['1L#1', '2L#1']);
});

test('a result that is too large for an event lies in the store, and is found there by its reference', async () => {
  const result = { rows: Array.from({ length: 2000 }, (_, n) => n) };
  const { store, send, settle, startWorker, committed, clock, ran } = openScene({ answer: () => done(result) });
  await settle(send(1, false));
  store.down = 'CLAIM_STORE_UNAVAILABLE';
  await startWorker();
  await clock.advance(600_000);
  expect(store.objects.size).toBe(0);
  store.down = null;
  await committed(1);
  await clock.advance(20_000);
  expect(ran).toEqual(['1#1']);
  const [reference] = store.objects.keys();
  expect(await settle(readClaimedResult(store, reference ?? ''))).toEqual(result);
});

test('without a store a large job is refused, with what to do about it', async () => {
  const { client, settle, store, clock, job } = openScene();
  const rig = createRig(['work']);
  await expect(rig.settle(rig.client.enqueue(job, sampleJob(1, 'x'.repeat(1_100_000))))).rejects.toMatchObject({ code: 'BROKER_RECORD_TOO_LARGE', detail: { fix: expect.stringContaining('largePayloads') as string } });
  const enqueued = client.enqueue(job, sampleJob(1, 'x'.repeat(1_100_000)));
  // Hashing so much is done in another thread, of which the clock knows nothing.
  while (store.objects.size === 0) {
    await clock.advance(10);
    await new Promise(setImmediate);
  }
  expect((await settle(enqueued)).offset).toBe(0);
});

test('a redrive with a large payload instead of the buried one runs with it', async () => {
  const { store, ran, job, cluster, registry, clock, settle, startWorker, send, until, letters } = openScene({ answer: (payload) => (payload.note === LARGE ? undefined : dead('too little')) });
  await settle(send(1, false));
  await startWorker();
  await until(() => letters().length === 1);
  const millrace = createMillrace({
    brokers: [], registryUrl: '', broker: cluster.broker(), registry, clock, random: () => 0.5, topics: false, logger: createLogger({ level: 'silent', service: 'test', clock }), largePayloads: { store, overBytes: 1000 },
  });
  await settle(millrace.redrive('work', () => true, { edit: () => [job, { ...sampleJob(1, LARGE), customer: 'ada' }] }));
  await until(() => ran.length === 2);
  expect(ran).toEqual(['1#1', '1L#1']);
  expect(store.objects.size).toBe(1);
  await settle(millrace.close());
});

test('a replay without a store tells which job waits for its large payload, and why', async () => {
  const { ran, job, cluster, registry, clock, settle, send } = openScene();
  await settle(send(1, true));
  const ending = new AbortController();
  const told: unknown[] = [];
  const summary = await settle(replay({ broker: cluster.broker(), registry, clock, logger: createLogger({ level: 'silent', service: 'test', clock }) }, 'work', [job], {
    name: 'again', all: true, signal: ending.signal,
    waits(wait) {
      told.push(wait);
      ending.abort();
    },
  }));
  expect(told).toEqual([{ id: expect.any(String) as string, kind: 'work.do', code: 'CLAIM_NO_STORE', message: expect.stringContaining('MILLRACE_CLAIMS_FOLDER') as string }]);
  expect(summary).toMatchObject({ complete: false, stoppedBy: 'signal', done: 0, dead: 0 });
  expect(ran).toEqual([]);
});

test('a store that is down makes an enqueue wait, then fail, and nothing is enqueued', async () => {
  const { store, send, settle, cluster } = openScene();
  await settle(send(0, false));
  store.down = 'CLAIM_STORE_UNAVAILABLE';
  const large = send(1, true);
  const small = send(2, false);
  await expect(settle(large)).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE', retriable: true });
  expect((await settle(small)).offset).toBe(1);
  store.down = 'CLAIM_STORE_REFUSED';
  await expect(settle(send(3, true))).rejects.toMatchObject({ code: 'CLAIM_STORE_REFUSED' });
  expect(cluster.inspect.records('work', 0)).toHaveLength(2);
});
