import { afterEach, expect, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { createValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

const DAY_MS = 86_400_000;
let stage: Stage | undefined;
afterEach(() => stage?.close());

const kindOf = (on: Stage, kind: string): JobDefinition => defineJob({ kind, queue: on.queue, schema: jobV1, key: () => 'unused', handle: (payload, ctx) => { on.note(payload, ctx); } });

async function lastReason(on: Stage, id: string): Promise<string | undefined> {
  return (await on.read(on.topics.retry)).findLast(({ key }) => String(key) === id)?.headers?.['mr_reason']?.toString();
}

test('a job of unknown kind waits, its entity behind it and nobody else, until a worker comes that knows the kind', async () => {
  stage = await createStage('deploy');
  const kit = await createValueKit(stage.registry);
  const old = await stage.startWorker([kindOf(stage, 'work.do')]);
  const [at, , last] = await stage.append([
    { key: 'e', value: kit.job(1), headers: { ce_id: 'new', ce_type: 'work.new' } },
    { key: 'e', value: kit.job(2), headers: { ce_id: 'behind', ce_type: 'work.do' } },
    { key: 'other', value: kit.job(3), headers: { ce_id: 'other', ce_type: 'work.do' } },
  ]) as [Appended, Appended, Appended];
  await stage.ran(['other']);
  await stage.committedPast(last);
  expect(await lastReason(stage, 'new')).toBe('unknown-kind');
  expect(await lastReason(stage, 'behind')).toBe('behind');
  const young = stage.startWorker([kindOf(stage, 'work.do'), kindOf(stage, 'work.new')]);
  await until(() => stage?.seen.filter((line) => line === 'assigned').length === 1, 'the first assignment');
  await old.stop();
  await young;
  await stage.ran(['new', 'behind']);
  expect(stage.runs.map(({ id, attempt }) => `${id}#${attempt}`)).toEqual(['other#1', 'new#1', 'behind#1']);
  expect(stage.letters).toEqual([]);
  expect(at.offset).toBe(0);
});

test('a job of unknown kind is buried when its bound is over, and its entity goes on', async () => {
  stage = await createStage('unknown');
  const kit = await createValueKit(stage.registry);
  await stage.startWorker([kindOf(stage, 'work.do')], { limits: { unknownKindBoundMs: 400 } });
  const [at, mate] = await stage.append([
    { key: 'e', value: kit.job(1), headers: { ce_id: 'lost', ce_type: 'work.lost' } },
    { key: 'e', value: kit.job(2), headers: { ce_id: 'mate', ce_type: 'work.do' } },
  ]) as [Appended, Appended];
  const { read, record } = await stage.letterOf(at);
  expect(read.burial).toMatchObject({ reason: 'unknown-kind', attempt: 0, failure: { code: 'UNKNOWN_KIND' } });
  expect(read.burial.failure?.message).toContain('work.lost');
  expect(record.value).toEqual(kit.job(1));
  const waitedMs = record.timestampMs - (read.burial.firstFailure?.at ?? 0);
  expect(waitedMs).toBeGreaterThanOrEqual(400);
  expect(waitedMs).toBeLessThan(400 + 2000);
  await stage.ran(['mate']);
  await stage.committedPast(mate);
});

test('a job that asks for the year 9999 waits in the room for a year at most, and keeps nobody waiting', async () => {
  stage = await createStage('far');
  const kit = await createValueKit(stage.registry);
  await stage.startWorker([kindOf(stage, 'work.do')]);
  const [at, mate] = await stage.append([
    { key: 'e', value: kit.job(1), headers: { ce_id: 'far', ce_type: 'work.do', mr_not_before: '253402300799000' } },
    { key: 'e', value: kit.job(2), headers: { ce_id: 'mate', ce_type: 'work.do' } },
  ]) as [Appended, Appended];
  await stage.ran(['mate']);
  await stage.committedPast(mate);
  const waiting = (await stage.read(stage.topics.retry)).findLast(({ key }) => String(key) === 'far');
  expect(String(waiting?.headers?.['mr_reason'])).toBe('scheduled');
  const dueMs = Number(String(waiting?.headers?.['mr_due']));
  expect(dueMs - at.ackedMs).toBeGreaterThan(365 * DAY_MS);
  expect(dueMs - at.ackedMs).toBeLessThan(367 * DAY_MS);
  expect(stage.runs.map(({ id }) => id)).toEqual(['mate']);
});

test('records that know nothing of millrace run as jobs of the kind that their schema is named', async () => {
  stage = await createStage('plain');
  const kit = await createValueKit(stage.registry);
  await stage.startWorker([kindOf(stage, 'bench.Job')]);
  const at = await stage.append(Array.from({ length: 20 }, (_, n) => ({ key: `e${n % 3}`, value: kit.job(n) })));
  await stage.committedPast(at.at(-1) as Appended);
  expect(stage.runs.map(({ id, kind, key, payload }) => [id, kind, key, payload]).sort()).toEqual(
    at.map(({ offset }, n) => [`${stage?.queue}-0-${offset}`, 'bench.Job', `e${n % 3}`, kit.jobPayload(n)]).sort(),
  );
});
