import { Kafka, logLevel } from 'kafkajs';
import { afterEach, expect, inject, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import { createValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

/** Small, so that many sizes can be tried. */
const LIMIT = 64_000;
const TOPIC_RESOURCE = 2;
let stage: Stage | undefined;
afterEach(() => stage?.close());

async function setLimit(topic: string, bytes: number): Promise<void> {
  const admin = new Kafka({ brokers: inject('brokers').split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: topic, configEntries: [{ name: 'max.message.bytes', value: String(bytes) }] }] });
  await admin.disconnect();
}

/** Control characters: each becomes six bytes of JSON. */
const longMessage = '\u0001'.repeat(3000);
const failing = (on: Stage, kind: string, message: string) => defineJob({
  kind, queue: on.queue, schema: jobV1, key: () => 'unused', retry: { attempts: 2, backoff: { first: '10ms' } },
  handle(payload, ctx: JobContext) {
    on.note(payload, ctx);
    throw new Error(message);
  },
});
const good = (on: Stage) => defineJob({ kind: 'good', queue: on.queue, schema: jobV1, key: () => 'unused', handle: (payload, ctx) => { on.note(payload, ctx); } });

test.each([
  { title: 'terse', message: 'no', from: 200, step: 150 },
  { title: 'wordy', message: longMessage, from: 200, step: 1500 },
])('a job whose waiting copy the retry topic would not take is buried as too large, never refused over and over; with $title errors', async ({ message, from, step }) => {
  // The retry topic takes no more than the main one, as on a cluster where somebody else made the topics.
  stage = await createStage('large', { config: { main: { 'max.message.bytes': String(LIMIT) }, retry: { 'max.message.bytes': String(LIMIT) } } });
  const on = stage;
  const kit = await createValueKit(stage.registry);
  await stage.startWorker([failing(stage, 'bench.Job', message), good(stage)]);
  const bare = kit.job(1, '').length;
  const appended: { at: Appended; value: Buffer }[] = [];
  for (let n = 0; n < 25; n++) {
    const value = kit.job(1, 'x'.repeat(LIMIT - bare - from - n * step));
    const [at] = await stage.append([{ key: 'large', value }]) as [Appended];
    await stage.append(['large', 'other'].map((key) => ({ key, value: kit.job(2), headers: { ce_type: 'good', ce_id: `${key}-${n}` } })));
    appended.push({ at, value });
  }
  const reasons = new Set<string>();
  for (const { at, value } of appended) {
    const { read, record } = await stage.letterOf(at);
    reasons.add(read.burial.reason);
    expect(read.burial.attempt).toBe(read.burial.reason === 'too-large' ? 1 : 2);
    expect(read.job.origin).toMatchObject({ topic: stage.queue, offset: at.offset });
    expect(record.value).toEqual(value);
  }
  expect([...reasons].sort()).toEqual(['attempts', 'too-large']);
  await stage.ran(appended.flatMap((_, n) => [`large-${n}`, `other-${n}`]));
  await until(() => on.runs.length > 0, 'runs');
  await stage.committedPast(appended.at(-1)?.at as Appended);
  expect(stage.seen.filter((line) => /^(refused|trouble)/.test(line))).toEqual([]);
});

test('while the DLQ takes nothing, others run and nothing is forgotten; when it does again, all is buried', async () => {
  stage = await createStage('blocked', { config: { dlq: { 'max.message.bytes': '200' } } });
  const kit = await createValueKit(stage.registry);
  const worker = await stage.startWorker([good(stage)]);
  const [bad, , last] = await stage.append([
    { key: 'bad', value: Buffer.from('poison') },
    { key: 'bad', value: kit.job(1), headers: { ce_id: 'mate', ce_type: 'good' } },
    { key: 'other', value: kit.job(1), headers: { ce_id: 'other', ce_type: 'good' } },
  ]) as [Appended, Appended, Appended];
  await stage.ran(['other']);
  await until(() => stage?.seen.filter((line) => line === 'refused dlq BROKER_RECORD_TOO_LARGE').length === 2, 'two refusals');
  expect(await stage.committedOffset()).toBe(0);
  expect(stage.letters).toEqual([]);
  expect(worker.ready).toBe(true);
  await setLimit(stage.topics.dlq, 1_000_000);
  expect((await stage.letterOf(bad)).record.value).toEqual(Buffer.from('poison'));
  await stage.committedPast(last);
  expect(stage.letters).toHaveLength(1);
});
