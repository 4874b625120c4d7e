import { afterAll, beforeAll, expect, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, type Appended, type Stage } from './stage.ts';

/** Topics limit what records take as they travel. Packed, a record of many megabytes passes a limit of one. */
let stage: Stage;
let kit: ValueKit;
beforeAll(async () => {
  stage = await createStage('packed');
  kit = await createValueKit(stage.registry);
  await stage.startWorker([defineJob({
    kind: 'work.do', queue: stage.queue, schema: jobV1, key: () => 'unused', retry: { attempts: 2, backoff: { first: '10ms' } },
    handle(payload, ctx) {
      stage.note({ note: payload.note?.length }, ctx);
      if (payload.note !== null && payload.note.length > 1) throw new Error('no');
    },
  })]);
});
afterAll(() => stage.close());

const headers = (id: string) => ({ ce_id: id, ce_type: 'work.do' });

test.each([
  { title: 'a good job of 5 MB that fails', reason: 'too-large', attempt: 1, make: () => kit.job(1, 'x'.repeat(5_000_000)) },
  { title: 'poison of 10 MB', reason: 'undecodable', attempt: 0, make: () => Buffer.concat([kit.job(1), Buffer.alloc(10_000_000)]) },
  { title: 'a bomb of 100 MB', reason: 'undecodable', attempt: 0, make: () => Buffer.concat([kit.job(1), Buffer.alloc(100_000_000)]) },
])('$title is buried with all its bytes, and others go on', async ({ title, reason, attempt, make }) => {
  const value = make();
  const [at] = await stage.append([{ key: 'e', value, headers: headers(title) }], { gzip: true }) as [Appended];
  const [, last] = await stage.append([{ key: 'e', value: kit.job(1, 'x'), headers: headers(`${title}, mate`) }, { key: 'f', value: kit.job(1, 'x'), headers: headers(`${title}, other`) }]) as [Appended, Appended];
  const { read, record } = await stage.letterOf(at);
  expect(read.burial).toMatchObject({ reason, attempt });
  expect(record.value?.equals(value)).toBe(true);
  await stage.ran([`${title}, mate`, `${title}, other`]);
  await stage.committedPast(last);
  expect(stage.seen.filter((line) => /^(trouble|refused|lost|commit failed)/.test(line))).toEqual([]);
});
