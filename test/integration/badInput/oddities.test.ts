import { afterEach, expect, inject, test } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createClient } from '../../../shared/client/client.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { framed } from '../../unit/avro/avroBytes.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';
import { createValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

/** Odd things that need a scene of their own. */
let stage: Stage | undefined;
afterEach(() => stage?.close());

const codecOf = (on: Stage) => createCodec({ registry: on.registry, clock: systemClock });

test('#4 a job whose record key is not its entity runs in the order of its record key, which is what counts', async () => {
  stage = await createStage('keys');
  const on = stage;
  const kit = await createValueKit(on.registry);
  await on.startWorker([defineJob({ kind: 'work.do', queue: on.queue, schema: jobV1, key: ({ orderId }) => orderId, handle: (payload, ctx) => { on.note(payload, ctx); } })]);
  const at = await on.append(Array.from({ length: 10 }, (_, n) => ({ key: 'somebody else', value: kit.job(n), headers: { ce_id: `${n}`, ce_type: 'work.do' } })));
  await on.committedPast(at.at(-1) as Appended);
  expect(on.runs.map(({ id, key }) => `${id} ${key}`)).toEqual(Array.from({ length: 10 }, (_, n) => `${n} somebody else`));
});

test('#28 #30 numbers that are none, and times beyond all dates, arrive as they were written', async () => {
  stage = await createStage('numbers');
  const on = stage;
  // As somebody else's serializer writes them: ours refuses longs that not every reader could keep.
  const writer = await codecOf(on).register(jobV1);
  await on.startWorker([defineJob({ kind: 'bench.Job', queue: on.queue, schema: jobV1, key: () => 'unused', handle: (payload, ctx) => { on.note(payload, ctx); } })]);
  const payloads: JobV1[] = [
    ...[NaN, Infinity, -Infinity, -0, Number.MIN_VALUE].map((amount, n) => ({ ...sampleJob(n), amount })),
    ...[8.64e15 + 1, 2 ** 53 - 2, -(2 ** 52) + 1].map((createdAt, n) => ({ ...sampleJob(10 + n), createdAt })),
  ];
  const at = await on.append(payloads.map((payload) => ({ key: 'e', value: framed(writer.schemaId, writer.type.toBuffer(payload)) })));
  await on.committedPast(at.at(-1) as Appended);
  expect(on.runs.map(({ payload }) => payload)).toEqual(payloads);
  expect(on.letters).toEqual([]);
});

test('#14 jobs of a schema that was deleted run where it is known, and are buried where nobody can tell any more what they say', async () => {
  stage = await createStage('deleted');
  const on = stage;
  const kit = await createValueKit(on.registry);
  const subject = `bad.Gone-${on.queue}`;
  const schema = { type: 'record', name: 'Gone', namespace: 'bad', fields: [{ name: on.queue.replaceAll('-', '_'), type: 'int' }] };
  const gone = await on.registry.register(subject, schema);
  const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), Buffer.from([14])]);
  value.writeInt32BE(gone, 1);
  const url = inject('registryUrl');
  const remove = async (query: string): Promise<number> => (await fetch(`${url}/subjects/${subject}${query}`, { method: 'DELETE' })).status;
  expect(await remove('')).toBe(200);
  await remove('?permanent=true');
  const isGone = (await fetch(`${url}/schemas/ids/${gone}`)).status === 404;
  await on.startWorker([
    defineJob({ kind: 'bad.Gone', queue: on.queue, schema: { subject: `${subject}-other`, version: 1, versions: [schema] }, key: () => 'unused', handle: (payload, ctx) => { on.note(payload, ctx); } }),
    defineJob({ kind: 'work.do', queue: on.queue, schema: jobV1, key: () => 'unused', handle: (payload, ctx) => { on.note(payload, ctx); } }),
  ]);
  const [at, last] = await on.append([{ key: 'e', value, headers: { ce_type: 'bad.Gone', ce_id: 'gone' } }, { key: 'e', value: kit.job(1), headers: { ce_type: 'work.do', ce_id: 'mate' } }]) as [Appended, Appended];
  await on.ran(['mate']);
  await on.committedPast(last);
  // Registries differ in whether they forget the schema behind an id that no subject names any more.
  if (isGone && on.letters.length > 0) expect((await on.letterOf(at)).read.burial).toMatchObject({ reason: 'schema-unknown', failure: { code: 'SCHEMA_UNKNOWN' } });
  else expect(on.runs.map(({ id }) => id)).toEqual(['gone', 'mate']);
});

test('#81 a job that enqueues itself for ever keeps nobody waiting', async () => {
  stage = await createStage('cycle');
  const on = stage;
  const client = createClient({ broker: createKafkajsBroker({ brokers: inject('brokers').split(',') }), codec: codecOf(on), source: '/cycle' });
  let goesOn = true;
  const cycle = defineJob({ kind: 'cycle', queue: on.queue, schema: jobV1, key: ({ orderId }) => orderId, async handle(payload, ctx): Promise<void> {
    on.note(payload, ctx);
    if (goesOn) await client.enqueue(cycle, { ...payload, sequence: payload.sequence + 1 });
  } });
  const good = defineJob({ kind: 'good', queue: on.queue, schema: jobV1, key: ({ orderId }) => orderId, handle: (payload, ctx) => { on.note(payload, ctx); } });
  await on.startWorker([cycle, good]);
  await client.enqueue(cycle, sampleJob(0));
  await until(() => on.runs.length >= 50, 'fifty turns');
  const receipts = await client.enqueueMany(good, Array.from({ length: 20 }, (_, n) => sampleJob(1000 + n)));
  await on.ran(receipts.map(({ id }) => id));
  goesOn = false;
  const turns = (): number[] => on.runs.filter(({ kind }) => kind === 'cycle').map(({ payload }) => (payload as JobV1).sequence);
  expect(turns()).toEqual(turns().map((_, n) => n));
  await client.close();
});

test('#81 a job that fans out into 20,000 others has them all run, each once, and is done', async () => {
  stage = await createStage('fan');
  const on = stage;
  const client = createClient({ broker: createKafkajsBroker({ brokers: inject('brokers').split(',') }), codec: codecOf(on), source: '/fan' });
  const seen = new Uint8Array(20_000);
  const leaf = defineJob({ kind: 'leaf', queue: on.queue, schema: jobV1, key: ({ orderId }) => orderId, handle: ({ sequence }) => { seen[sequence] = (seen[sequence] ?? 0) + 1; } });
  const root = defineJob({ kind: 'root', queue: on.queue, schema: jobV1, key: ({ orderId }) => orderId, async handle(payload, ctx) {
    await client.enqueueMany(leaf, Array.from(seen, (_, n) => sampleJob(n)));
    on.note(payload, ctx);
  } });
  await on.startWorker([leaf, root]);
  await client.enqueue(root, sampleJob(0));
  await until(() => on.runs.length === 1 && seen.every((times) => times > 0), 'all of them');
  expect(seen.every((times) => times === 1)).toBe(true);
  expect(on.runs).toHaveLength(1);
  await client.close();
});
