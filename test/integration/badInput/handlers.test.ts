import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { BatchContext, BatchJob, JobContext } from '../../../shared/jobs/jobContext.ts';
import { dead, retry, snooze, type Outcome } from '../../../shared/jobs/outcome.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type Stage } from './stage.ts';

type Answer = Outcome | undefined | Promise<Outcome | undefined>;

interface HandlerCase {
  readonly title: string;
  /** Called at every attempt; typed as if it kept to the rules. */
  readonly handle: (ctx: JobContext) => unknown;
  /** What the dead letter says; null: the job is done at its first attempt. */
  readonly buried: { readonly reason?: string; readonly code?: string; readonly message?: RegExp; readonly attempt?: number } | null;
}

const cyclic = (): Error => {
  const error = new Error('cyclic') as Error & { self?: unknown };
  error.self = error;
  error.cause = error;
  return error;
};
const thrown = (what: () => unknown) => (): unknown => { throw what(); };
const never = new Promise<never>(() => undefined);

/** Each job has two attempts, 20 ms apart. */
const handlers: readonly HandlerCase[] = [
  { title: 'throws null', handle: thrown(() => null), buried: { code: 'ERROR' } },
  { title: 'throws undefined', handle: thrown(() => undefined), buried: { code: 'ERROR' } },
  { title: 'throws a text', handle: thrown(() => 'just a text'), buried: { message: /^just a text$/ } },
  { title: 'throws a frozen error', handle: thrown(() => Object.freeze(new Error('frozen'))), buried: { message: /^frozen$/ } },
  { title: 'throws an error that contains itself', handle: thrown(cyclic), buried: { message: /^cyclic$/ } },
  { title: 'throws an object whose getters throw', handle: thrown(() => new Proxy({}, { get: () => { throw new Error('no touching'); } })), buried: {} },
  { title: 'throws a revoked proxy', handle: thrown(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; }), buried: {} },
  { title: 'throws a message of 10 MB', handle: thrown(() => new Error('long '.repeat(2_000_000))), buried: { message: /^long [\s\S]{1500,2043}$/ } },
  { title: 'throws a message of half characters', handle: thrown(() => new Error('\ud83d'.repeat(5000))), buried: { message: /^\ufffd+$/ } },
  { title: 'throws an error with code and name of 1 MB', handle: thrown(() => Object.assign(new Error('x'), { code: 'c'.repeat(1e6), name: 'n'.repeat(1e6) })), buried: { code: 'c'.repeat(128) } },
  { title: 'throws in a promise', handle: () => Promise.reject(new Error('later')), buried: { message: /^later$/ } },
  { title: 'rejects with nothing', handle: () => new Promise((_, reject) => { (reject as () => void)(); }), buried: { code: 'ERROR' } },
  { title: 'answers a text', handle: () => 'done', buried: { code: 'BAD_ANSWER' } },
  { title: 'answers what looks like an outcome', handle: () => ({ type: 'done' }), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers an object with a name of 5 MB', handle: () => ({ ['n'.repeat(5_000_000)]: 1 }), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers an object with half a character for a name', handle: () => ({ '\ud83d': 1 }), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers a text of 100 MB', handle: () => 'x'.repeat(100_000_000), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers a list of 100 MB', handle: () => Array.from({ length: 100 }, () => 'x'.repeat(1_000_000)), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers a function', handle: () => () => undefined, buried: { code: 'BAD_ANSWER' } },
  { title: 'answers a proxy that throws', handle: () => new Proxy({}, { get: () => { throw new Error('no touching'); } }), buried: {} },
  { title: 'answers a proxy that throws when it is asked what it has', handle: () => new Proxy({}, { has: () => { throw new Error('no asking'); } }), buried: { code: 'BAD_ANSWER' } },
  { title: 'promises such a proxy', handle: () => Promise.resolve(new Proxy({}, { has: () => { throw new Error('no asking'); } })), buried: { code: 'BAD_ANSWER' } },
  { title: 'answers a promise whose own then throws', handle: () => Object.assign(Promise.resolve(), { then: () => { throw new Error('bad then'); } }), buried: { message: /bad then/ } },
  { title: 'answers a promise of a class that cannot be made', handle: () => Object.defineProperty(Promise.resolve(), 'constructor', { get: () => { throw new Error('no class'); } }), buried: { message: /no class/ } },
  { title: 'answers a thenable that calls back twice', handle: () => ({ then: (done: (value: unknown) => void, failed: (error: unknown) => void) => { done(undefined); done(retry()); failed(new Error('late')); } }), buried: null },
  { title: 'answers a thenable that is a function', handle: () => Object.assign(() => undefined, { then: (done: (value: unknown) => void) => { done(undefined); } }), buried: null },
  { title: 'answers a thenable that throws after it called back', handle: () => ({ then: (done: (value: unknown) => void) => { done(undefined); throw new Error('late'); } }), buried: null },
  { title: 'asks to be buried with half a character', handle: () => dead('\ud83d'), buried: { reason: 'dead', code: 'DEAD', message: /^\ufffd$/, attempt: 1 } },
  { title: 'asks to be buried with 10 MB', handle: () => dead('x'.repeat(1e7)), buried: { reason: 'dead', message: /^x{2048}$/, attempt: 1 } },
  { title: 'asks to be buried for nothing in particular', handle: () => dead(undefined as unknown as string), buried: {} },
  { title: 'asks for a wait of a thousandth', handle: ({ attempt }) => (attempt === 1 ? retry('0.001ms') : undefined), buried: null },
  { title: 'asks for a wait with a fraction', handle: ({ attempt }) => (attempt === 1 ? retry('10.0001ms') : undefined), buried: null },
  { title: 'asks for a wait without a unit', handle: () => retry(5 as unknown as string), buried: { code: 'BAD_DURATION' } },
  { title: 'returns, and never stops counting', handle: () => { const timer = setInterval(() => undefined, 1000); timer.unref(); return undefined; }, buried: null },
];

let stage: Stage;
let kit: ValueKit;
let numbers = 0;
beforeAll(async () => {
  stage = await createStage('handlers');
  kit = await createValueKit(stage.registry);
  const kindOf = (handle: HandlerCase['handle'], kind: string, more: object = {}) => defineJob({
    kind, queue: stage.queue, schema: jobV1, key: () => 'unused', retry: { attempts: 2, backoff: { first: '20ms', jitter: 0 } }, ...more,
    handle: (payload: JobV1, ctx: JobContext): Answer => {
      stage.note(payload, ctx);
      return handle(ctx) as Answer;
    },
  });
  await stage.startWorker([
    ...handlers.map(({ handle }, index) => kindOf(handle, `case.${index}`)),
    kindOf(() => undefined, 'good'),
    kindOf(({ signal }) => new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error); }); }), 'obeys', { timeout: '100ms' }),
    kindOf(() => never, 'hangs', { timeout: '100ms' }),
    // Its promise fails long after its lane went on without it.
    kindOf(() => new Promise((_, reject) => { setTimeout(() => { reject(new Error('far too late')); }, 700); }), 'late', { timeout: '100ms' }),
    kindOf(({ attempt }) => snooze(attempt === 1 ? '10000000w' : '0ms'), 'sleeps'),
    defineJob({
      kind: 'batch', queue: stage.queue, schema: jobV1, key: () => 'unused', retry: { attempts: 1 }, batch: { maxSize: 10, maxWait: '200ms' },
      handleBatch(jobs: readonly BatchJob<JobV1>[], ctx: BatchContext) {
        for (const job of jobs) stage.note(job.payload, { ...job, kind: ctx.kind });
        return Object.assign([undefined], { length: 4_000_000_000 });
      },
    }),
  ], { abortGraceMs: 100, concurrency: 20 });
});
afterAll(() => stage.close());

/** Appends a job of the kind, then another of its entity, then one of another entity. */
async function appendWithNeighbours(kind: string): Promise<{ id: string; mate: string; at: Appended; last: Appended }> {
  const number = ++numbers;
  const [id, mate, other] = [`${number}`, `${number}-mate`, `${number}-other`];
  const record = (name: string, key: string, of: string) => ({ key, value: kit.job(number), headers: { ce_id: name, ce_type: of } });
  const [at, , last] = await stage.append([record(id, `entity-${number}`, kind), record(mate, `entity-${number}`, 'good'), record(other, 'other', 'good')]) as [Appended, Appended, Appended];
  await stage.ran([other]);
  return { id, mate, at, last };
}

describe('neither the worker nor other jobs suffer, and the failure is told, when a handler', () => {
  test.each(handlers.map((one, index) => ({ ...one, index })))('$title', async ({ index, buried }) => {
    const { id, mate, at, last } = await appendWithNeighbours(`case.${index}`);
    await stage.ran([mate]);
    await stage.committedPast(last);
    const letters = stage.letters.filter(({ headers }) => String(headers?.['ce_id']) === id);
    if (buried === null) {
      expect(letters).toEqual([]);
      return;
    }
    const { burial } = (await stage.letterOf(at)).read;
    const { reason = 'attempts', attempt = 2, code, message } = buried;
    expect(burial).toMatchObject({ reason, attempt, ...(code === undefined ? {} : { failure: { code } }) });
    expect(Buffer.byteLength(burial.failure?.message ?? '')).toBeLessThanOrEqual(2048);
    if (message !== undefined) expect(burial.failure?.message).toMatch(message);
    expect(stage.runs.filter((run) => run.id === id).map((run) => run.attempt)).toEqual(Array.from({ length: attempt }, (_, n) => n + 1));
  });

  test.each(['obeys', 'hangs', 'late'])('outlasts its timeout and %s', async (kind) => {
    const { id, mate, at, last } = await appendWithNeighbours(kind);
    const { burial } = (await stage.letterOf(at)).read;
    expect(burial).toMatchObject({ reason: 'attempts', attempt: 2, failure: { code: 'TIMEOUT' } });
    expect(stage.runs.filter((run) => run.id === id)).toHaveLength(2);
    await stage.ran([mate]);
    await stage.committedPast(last);
    expect(stage.seen.filter((line) => line === `abandoned ${id}`)).toHaveLength(kind === 'obeys' ? 0 : 2);
  });

  test('asks for a wait of 190,000 years', async () => {
    const { id, at, last } = await appendWithNeighbours('sleeps');
    await stage.committedPast(last);
    const [waiting] = (await stage.read(stage.topics.retry)).filter((record) => String(record.key) === id).slice(-1);
    const due = Number(String(waiting?.headers?.['mr_due']));
    expect(due).toBeGreaterThan(at.ackedMs + 365 * 86_400_000);
    expect(due).toBeLessThan(at.ackedMs + 367 * 86_400_000);
  });

  test('of a batch answers four billion outcomes', async () => {
    const { mate, at, last } = await appendWithNeighbours('batch');
    expect((await stage.letterOf(at)).read.burial).toMatchObject({ reason: 'attempts', failure: { code: 'LEFT_OUT' } });
    await stage.ran([mate]);
    await stage.committedPast(last);
  });

  test('and nothing troubled the worker', async () => {
    await until(() => stage.runs.length > 0, 'runs');
    expect(stage.seen.filter((line) => /^(trouble|refused|lost|commit failed)/.test(line))).toEqual([]);
  });
});
