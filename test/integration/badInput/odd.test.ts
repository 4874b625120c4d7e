import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import { dead, retry, type Outcome } from '../../../shared/jobs/outcome.ts';
import { oddRecords } from './oddRecords.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

/** Each job fails once, waits through a restart, fails for good and is buried: what is odd about it meets every reader and writer there is. */
let stage: Stage;
let kit: ValueKit;
const appended: Appended[] = [];

beforeAll(async () => {
  stage = await createStage('odd', { config: { main: { 'message.timestamp.after.max.ms': String(2n ** 63n - 1n), 'message.timestamp.before.max.ms': String(2n ** 63n - 1n) } } });
  kit = await createValueKit(stage.registry);
  let holdBack = true;
  const handle = (payload: unknown, ctx: JobContext): Outcome => {
    stage.note(payload, ctx);
    return ctx.attempt === 1 ? retry(holdBack ? '3s' : '0ms') : dead('as planned');
  };
  const jobs = ['work.do', 'bench.Job'].map((kind) => defineJob({ kind, queue: stage.queue, schema: jobV1, key: () => 'unused', handle }));
  for (const [index, { record, gzip }] of oddRecords.entries()) {
    const { headers, ...rest } = record;
    const own = headers === undefined ? {} : { headers: { ce_id: `odd-${index}`, ce_type: 'work.do', ...ownEntries(headers) } };
    appended.push(...await stage.append([{ key: `entity-${index}`, value: kit.job(index), ...rest, ...own }], { gzip: gzip ?? false }));
  }
  const first = await stage.startWorker(jobs);
  await until(() => stage.runs.length >= oddRecords.length, 'the first attempts');
  holdBack = false;
  await first.stop();
  await stage.startWorker(jobs);
});
afterAll(() => stage.close());

/** Spreading loses an own `__proto__`, here as in any code that copies headers. */
function ownEntries(headers: object): object {
  return Object.create(null, Object.getOwnPropertyDescriptors(headers)) as object;
}

describe('a good job runs, waits through a restart, runs again and is buried true to itself, with', () => {
  test.each(oddRecords.map((odd, index) => ({ ...odd, index })))('$title', async ({ index, record, id, forged = [], kind }) => {
    const at = appended[index] as Appended;
    const expectedId = id === 'derived' ? `${stage.queue}-0-${at.offset}` : record.headers === undefined ? `${stage.queue}-0-${at.offset}` : `odd-${index}`;
    const { read, record: letter } = await stage.letterOf(at);
    expect(read.burial).toMatchObject({ reason: 'dead', attempt: 2, failure: { code: 'DEAD', message: 'as planned' }, firstFailure: { code: 'RETRY' } });
    expect(read.job).toMatchObject({ id: expectedId, kind: kind ?? (record.headers === undefined ? 'bench.Job' : 'work.do') });
    expect(read.job.origin).toMatchObject({ topic: stage.queue, partition: 0, offset: at.offset });
    const { timestampMs } = record;
    // No date reaches that far: such a time counts as none.
    if (timestampMs !== undefined) expect(read.job.origin.timestampMs).toBe(timestampMs > 8.64e15 ? -1 : timestampMs);
    expect(letter.value).toEqual(kit.job(index));
    expect(read.job.key).toEqual(Buffer.from(record.key ?? `entity-${index}`));
    expect(stage.runs.filter((run) => run.id === expectedId).map(({ attempt, payload }) => [attempt, payload])).toEqual([[1, kit.jobPayload(index)], [2, kit.jobPayload(index)]]);
    for (const name of Object.keys(record.headers ?? {})) {
      const given = record.headers?.[name];
      const wanted = Array.isArray(given) ? given.map((one) => Buffer.from(one)) : Buffer.from(given ?? '');
      const carried = Object.hasOwn(letter.headers ?? {}, name) ? letter.headers?.[name] : undefined;
      if (forged.includes(name)) expect(carried, name).not.toEqual(wanted);
      else expect(carried, name).toEqual(wanted);
    }
  });

  test('and the frontier is committed past them all', async () => {
    await stage.committedPast(appended.at(-1) as Appended);
    expect(stage.seen.filter((line) => /^(trouble|refused|commit failed|schema unavailable)/.test(line))).toEqual([]);
  });
});
