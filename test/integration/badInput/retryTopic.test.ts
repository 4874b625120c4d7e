import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type RawRecord, type Stage } from './stage.ts';

/** Jobs wait in the retry topic while somebody else writes there. What compaction makes of it is shown in memory (strangersInTheRetryTopic). */
let stage: Stage;
let kit: ValueKit;
let numbers = 0;

beforeAll(async () => {
  stage = await createStage('strangers');
  kit = await createValueKit(stage.registry);
  const job = defineJob({ kind: 'work.do', queue: stage.queue, schema: jobV1, key: () => 'unused', handle(payload, ctx) {
    stage.note(payload, ctx);
    return ctx.attempt === 1 ? retry('300ms') : undefined;
  } });
  await stage.startWorker([job]);
});
afterAll(() => stage.close());

async function appendJobs(count: number): Promise<{ ids: string[]; at: Appended[] }> {
  const ids = Array.from({ length: count }, () => `job-${++numbers}`);
  return { ids, at: await stage.append(ids.map((id) => ({ key: `of-${id}`, value: kit.job(1), headers: { ce_id: id, ce_type: 'work.do' } }))) };
}
const attempts = (id: string): number[] => [...new Set(stage.runs.filter((run) => run.id === id).map((run) => run.attempt))];

interface Waiting { readonly id: string; readonly at: Appended; readonly epoch: number }
const value = Buffer.from('garbage');
const waits = (at: Appended, more: Record<string, string>): Record<string, string> => ({ mr_origin: `${stage.queue}/0/${at.offset}/0`, mr_seq: '1', mr_attempt: '1', mr_reason: 'retry', ...more });

describe('jobs that wait run again, and new ones too, when somebody else writes into the retry topic', () => {
  test.each<{ title: string; make: (waiting: Waiting) => RawRecord[] }>([
    { title: 'garbage', make: () => [{ key: 'x', value }, { key: 'y', value: null }, { key: '', value }, { key: Buffer.from([0xff]), value, headers: { mr_epoch: Buffer.from([0xff, 0]) } }] },
    { title: 'garbage under the keys of waiting jobs', make: ({ id }) => [{ key: id, value }, { key: id, value: null }] },
    { title: 'a tombstone of the highest epoch', make: ({ id, at }) => [{ key: id, value: null, headers: waits(at, { mr_epoch: '9007199254740991' }) }] },
    { title: 'a tombstone of a high epoch', make: ({ id, at }) => [{ key: id, value: null, headers: waits(at, { mr_epoch: '1000000000' }) }] },
    { title: 'a foreign job of the next epoch', make: ({ at, epoch }) => [{ key: 'foreign', value, headers: waits({ ...at, offset: at.offset + 1000 }, { mr_epoch: String(epoch + 1), mr_due: String(Date.now() + 3_600_000) }) }] },
    { title: 'in the owner\'s name', make: ({ at, epoch }) => [{ key: 'foreign', value, headers: waits({ ...at, offset: at.offset + 2000 }, { mr_epoch: String(epoch), mr_seq: '123456789', mr_due: String(Date.now() + 3_600_000) }) }] },
    { title: 'a lease of the highest epoch', make: () => [{ key: '\u0000lease/9', value, headers: { mr_reason: 'lease', mr_epoch: '9007199254740991' } }] },
    { title: 'a lease of the next epoch', make: ({ epoch }) => [{ key: `\u0000lease/${epoch + 1}`, value, headers: { mr_reason: 'lease', mr_epoch: String(epoch + 1) } }] },
    { title: 'commands that mean nothing', make: () => [{ key: '\u0000c1', value, headers: { mr_command: 'explode' } }, { key: '\u0000c2', value, headers: { mr_command: 'discard', mr_origin: 'elsewhere/0/0/0' } }] },
  ])('$title', async ({ make }) => {
    const { ids, at } = await appendJobs(2);
    await stage.ran(ids);
    const written = async (): Promise<number> => Number((await stage.read(stage.topics.retry)).findLast(({ key }) => String(key) === ids[0])?.headers?.['mr_epoch'] ?? 0);
    let epoch = 0;
    while (epoch === 0) epoch = await written();
    await stage.append(make({ id: ids[0] as string, at: at[0] as Appended, epoch }), { topic: stage.topics.retry });
    const later = await appendJobs(1);
    await until(() => [...ids, ...later.ids].every((id) => attempts(id).includes(2)), 'the second attempts', 20_000);
    await stage.committedPast(later.at[0] as Appended);
    expect(stage.letters).toEqual([]);
    expect(stage.seen.filter((line) => /^(trouble|refused|lost)/.test(line))).toEqual([]);
  });

  test('but nothing without a key, which Kafka itself refuses', async () => {
    await expect(stage.append([{ key: null, value }], { topic: stage.topics.retry })).rejects.toThrow();
  });
});
