import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

/** Isolated kinds on real Kafka: their handlers do the worst to their processes, and nobody else notices. */
let stage: Stage;
let kit: ValueKit;
let numbers = 0;
const logged: Record<string, unknown>[] = [];
const handler = new URL('../../unit/isolation/handlers/unruly.ts', import.meta.url);

beforeAll(async () => {
  stage = await createStage('isolated');
  kit = await createValueKit(stage.registry);
  const common = { queue: stage.queue, schema: jobV1, key: () => 'unused', retry: { attempts: 2, backoff: { first: '20ms', jitter: 0 } } } as const;
  await stage.startWorker([
    defineJob({ ...common, kind: 'isolated', timeout: '600ms', isolated: { handler, maxMemoryMiB: 192 } }),
    defineJob({ ...common, kind: 'patient', timeout: '20s', isolated: { handler, maxMemoryMiB: 192 } }),
    defineJob({ ...common, kind: 'burning', timeout: '3s', isolated: { handler } }),
    defineJob({ ...common, kind: 'good', handle: (payload, ctx) => { stage.note(payload, ctx); } }),
  ], { abortGraceMs: 100, sandboxes: 3, logger: createLogger({ level: 'info', service: 'test', destination: { write: (line) => { logged.push(JSON.parse(line) as Record<string, unknown>); } } }) });
});
afterAll(() => stage.close());

const letterFor = (id: string) => stage.letters.find(({ headers }) => String(headers?.['ce_id']) === id);

/** Appends a job of the kind that does what `note` says, then a good one of its entity, then a good one of another. */
async function append(kind: string, note: string): Promise<{ id: string; mate: string; at: Appended; last: Appended }> {
  const number = ++numbers;
  const [id, mate, other] = [`${number}`, `${number}-mate`, `${number}-other`];
  const record = (name: string, key: string, of: string) => ({ key, value: kit.job(number, note), headers: { ce_id: name, ce_type: of } });
  const [at, , last] = await stage.append([record(id, `entity-${number}`, kind), record(mate, `entity-${number}`, 'good'), record(other, 'other', 'good')]) as [Appended, Appended, Appended];
  await stage.ran([other]);
  return { id, mate, at, last };
}

describe('the worker and its other jobs do not suffer, and the failure is told, when an isolated handler', () => {
  test.each([
    { note: 'exit', number: 77, code: 'SANDBOX_EXITED' },
    { note: 'kill its process', number: 77, code: 'SANDBOX_EXITED' },
    { note: 'throw in a timer', number: 82, code: 'SANDBOX_EXITED' },
    { kind: 'patient', note: 'take a heap of objects', number: 78, code: 'SANDBOX_OUT_OF_MEMORY' },
    { kind: 'patient', note: 'take one huge array', number: 78, code: 'SANDBOX_OUT_OF_MEMORY' },
    { kind: 'patient', note: 'take buffers', number: 78, code: 'SANDBOX_OUT_OF_MEMORY' },
    { note: 'match for ever', number: 79, code: 'TIMEOUT' },
    { note: 'spin', number: 76, code: 'TIMEOUT' },
    { note: 'hang', number: 74, code: 'TIMEOUT' },
    { note: 'throw null', number: 73, code: 'ERROR' },
    { note: 'answer a function', number: 80, code: 'BAD_ANSWER' },
  ])('#$number decides to $note', async ({ kind = 'isolated', note, code }) => {
    const { id, mate, at, last } = await append(kind, note);
    expect((await stage.letterOf(at)).read.burial).toMatchObject({ reason: 'attempts', attempt: 2, failure: { code }, firstFailure: { code } });
    if (code.startsWith('SANDBOX_')) expect(stage.seen.filter((line) => line === `sandbox died ${id}`)).toHaveLength(2);
    await stage.ran([mate]);
    await stage.committedPast(last);
    expect(stage.letters.filter(({ headers }) => String(headers?.['ce_id']) === id)).toHaveLength(1);
  });

  test('#79 matches for ever, and this event loop turns on meanwhile', async () => {
    const { at } = await append('burning', 'match for ever');
    // Others may have the processor, so one undisturbed window is enough; were it this loop that matches, there would be none.
    let bestMs = Infinity;
    for (let window = 0; window < 10 && bestMs > 100; window++) {
      let worstMs = 0;
      for (let turn = 0; turn < 40; turn++) {
        const before = performance.now();
        await new Promise((resolve) => { setTimeout(resolve, 5); });
        worstMs = Math.max(worstMs, performance.now() - before - 5);
      }
      bestMs = Math.min(bestMs, worstMs);
    }
    expect(stage.letters.some(({ headers }) => String(headers?.['mr_origin']).split('/')[2] === String(at.offset)), 'it had ended already').toBe(false);
    expect(bestMs, 'ms late, worst turn of the best window').toBeLessThanOrEqual(100);
  });

  test('ends its process while others of its kind run in theirs', async () => {
    const record = (name: string, note: string) => ({ key: name, value: kit.job(1, note), headers: { ce_id: name, ce_type: 'patient' } });
    const beside = Array.from({ length: 6 }, (_, n) => [record(`beside-${n}`, 'succeed after 300 ms'), record(`killer-${n}`, 'exit')]).flat();
    const at = await stage.append(beside);
    await stage.committedPast(at.at(-1) as Appended);
    await until(() => Array.from({ length: 6 }, (_, n) => letterFor(`killer-${n}`)).every((letter) => letter !== undefined), 'the burials', 20_000);
    expect(Array.from({ length: 6 }, (_, n) => letterFor(`beside-${n}`)).filter((letter) => letter !== undefined)).toEqual([]);
    expect(stage.seen.filter((line) => /^(trouble|refused|lost|commit failed|abandoned)/.test(line))).toEqual([]);
  });
});

test('200 isolated jobs of 10 entities run in order, through retries, on three processes, and log as those that run here', async () => {
  const numbersOf = Array.from({ length: 200 }, (_, n) => n);
  const at = await stage.append(numbersOf.map((n) => ({
    key: `ordered-${n % 10}`, value: kit.job(n, n % 7 === 0 ? 'tell its number twice' : 'tell its number'), headers: { ce_id: `ordered-${n}`, ce_type: 'isolated' },
  })));
  await stage.committedPast(at.at(-1) as Appended);
  const told = (): Record<string, unknown>[] => logged.filter(({ msg }) => msg === 'told');
  await until(() => told().length >= 200 + 29, 'all to be told', 20_000);
  for (let entity = 0; entity < 10; entity++) {
    const mine = numbersOf.filter((n) => n % 10 === entity).flatMap((n) => (n % 7 === 0 ? [`${n}#1`, `${n}#2`] : [`${n}#1`]));
    expect(told().filter(({ number }) => Number(number) % 10 === entity).map(({ number, attempt }) => `${String(number)}#${String(attempt)}`)).toEqual(mine);
  }
  expect(told()[0]).toMatchObject({ level: 'info', kind: 'isolated', queue: stage.queue, partition: 0, jobId: expect.stringMatching(/^ordered-/) as unknown });
  expect(stage.letters.filter(({ headers }) => String(headers?.['ce_id']).startsWith('ordered-'))).toEqual([]);
});
