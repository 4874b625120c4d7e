import { expect, test } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { done, type Outcome } from '../../../shared/jobs/outcome.ts';
import { createRig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

const large = 'x'.repeat(5000);
const forever = (): Promise<string> => new Promise(() => undefined);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

function openScene() {
  const rig = createRig(['work']);
  const ran: number[] = [];
  const define = (kind: string, answer: () => Outcome) => defineJob({
    kind, queue: 'work', schema: jobV1, key: ({ orderId }) => orderId, retry: { attempts: 3, backoff: { first: '10ms', max: '10ms', jitter: 0 } },
    handle: ({ sequence }) => { ran.push(sequence); return answer(); },
  });
  const report = define('work.report', () => done(large));
  const mail = define('work.mail', () => done());
  const ended = (kind: string): number => rig.seen.filter((line) => line === `${kind} done`).length;
  const committed = (): number => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset ?? 0;
  return { ...rig, ran, report, mail, ended, committed };
}

test.each([['never answers', forever], ['refuses', () => Promise.reject(new Error('away'))]])('a store of results that %s keeps no slot from other jobs, and its jobs run once, in order, and are done when it is back', async (_, away) => {
  const { client, settle, clock, ran, report, mail, ended, committed, startWorker } = openScene();
  let [up, asked] = [false, 0];
  const worker = await startWorker([report, mail], { concurrency: 4, storeResult: () => { asked++; return up ? Promise.resolve('there') : away(); } });
  await settle(client.enqueueMany(report, numbers(1, 20).map((sequence) => ({ ...sampleJob(sequence), orderId: `order-${sequence % 10}` }))));
  await settle(client.enqueueMany(mail, numbers(101, 140).map((sequence) => ({ ...sampleJob(sequence), orderId: `other-${sequence}` }))));
  await clock.advance(60_000);
  expect([ended('work.mail'), ended('work.report')]).toEqual([40, 0]);
  // The ten heads of the lanes ran; who stands behind them has to wait.
  expect(ran.filter((sequence) => sequence <= 100)).toEqual(numbers(1, 10));
  const before = asked;
  await clock.advance(60_000);
  expect(asked - before).toBeLessThanOrEqual(12);
  up = true;
  await clock.advance(60_000);
  expect([ended('work.report'), committed()]).toEqual([20, 60]);
  const reports = ran.filter((sequence) => sequence <= 100);
  expect(reports.toSorted((a, b) => a - b)).toEqual(numbers(1, 20));
  for (const first of numbers(1, 10)) expect(reports.indexOf(first)).toBeLessThan(reports.indexOf(first + 10));
  await settle(worker.stop());
});

test('a stop waits for a large result until its time is over, and then leaves its job to the next worker', async () => {
  const { client, settle, clock, ran, report, ended, committed, startWorker, seen } = openScene();
  let up = false;
  const storeResult = (): Promise<string> => (up ? Promise.resolve('there') : Promise.reject(new Error('away')));
  const first = await startWorker([report], { storeResult, drainTimeoutMs: 20_000 });
  await settle(client.enqueue(report, sampleJob(1)));
  await clock.advance(5000);
  const stopping = first.stop();
  await clock.advance(15_000);
  expect(seen).not.toContain('work.report interrupted');
  await settle(stopping);
  expect(seen.filter((line) => line.startsWith('work.report'))).toEqual(['work.report interrupted']);
  up = true;
  const second = await startWorker([report], { storeResult });
  await clock.advance(5000);
  expect([ran, ended('work.report'), committed()]).toEqual([[1, 1], 1, 1]);
  await settle(second.stop());
});

test.each<[what: string, error: () => Error, isBuried: boolean]>([
  ['whose errors may be a defect for an hour on end buries its job', () => new TypeError('bucket is undefined'), true],
  ['that says for hours that it is away is waited for', () => new MillraceError('CLAIM_STORE_UNAVAILABLE'), false],
  ['that refuses for hours is waited for', () => new MillraceError('CLAIM_STORE_REFUSED'), false],
])('a store of results %s', async (_, error, isBuried) => {
  const { client, settle, clock, ran, report, mail, seen, startWorker } = openScene();
  const worker = await startWorker([report, mail], { storeResult: () => Promise.reject(error()), drainTimeoutMs: 1000 });
  await settle(client.enqueue(report, sampleJob(1)));
  await clock.advance(59 * 60_000);
  expect(seen.filter((line) => line.startsWith('work.report'))).toEqual([]);
  await clock.advance(2 * 60_000);
  expect(seen.filter((line) => line.startsWith('work.report'))).toEqual(isBuried ? ['work.report dead'] : []);
  await clock.advance(60 * 60_000);
  expect(ran).toEqual([1]);
  await settle(worker.stop());
});

test('a result that comes to lie in its store during a stop is told before the worker leaves', async () => {
  const { client, settle, clock, ran, report, ended, committed, startWorker } = openScene();
  let up = false;
  const worker = await startWorker([report], { storeResult: () => (up ? Promise.resolve('there') : Promise.reject(new Error('away'))), drainTimeoutMs: 60_000 });
  await settle(client.enqueue(report, sampleJob(1)));
  await clock.advance(5000);
  const stopping = worker.stop();
  up = true;
  await settle(stopping);
  expect([ran, ended('work.report'), committed()]).toEqual([[1], 1, 1]);
});

test('results that wait for their store take no more memory than a bound; those beyond it keep their slots', async () => {
  const { client, settle, clock, report: _, ran, startWorker } = openScene();
  const huge = defineJob({ kind: 'work.huge', queue: 'work', schema: jobV1, key: ({ orderId }) => orderId, handle: ({ sequence }) => { ran.push(sequence); return done('x'.repeat(4 * 1024 * 1024)); } });
  const worker = await startWorker([huge], { concurrency: 3, storeResult: () => Promise.reject(new Error('away')), drainTimeoutMs: 1000 });
  await settle(client.enqueueMany(huge, numbers(1, 30).map((sequence) => ({ ...sampleJob(sequence), orderId: `order-${sequence}` }))));
  await clock.advance(30_000);
  // Seven wait without a slot, for with its quotes a result is longer than an eighth of the bound.
  expect(ran).toHaveLength(7 + 3);
  await settle(worker.stop());
});
