import { expect, test } from 'vitest';
import { readExecutions } from './executions.ts';
import { nameEntities, openScene } from './openScene.ts';
import { atMostOnce } from './promises/atMostOnce.ts';
import { boundedLoss } from './promises/boundedLoss.ts';
import { commitsBehindSettled } from './promises/commitsBehindSettled.ts';
import { allKept, givingUp } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';
import { keyOrder } from './promises/keyOrder.ts';
import { nothingLost } from './promises/nothingLost.ts';

const entities = nameEntities(100);
const long = { entity: 'entity-long', sequence: 1, ms: 60_000 };

test('never runs an at-most-once job twice when its worker is killed, and loses at most the one that each entity was at', async () => {
  const terms = givingUp([
    { promise: nothingLost, because: 'what was begun at a kill is lost; that is the bargain' },
    { promise: commitsBehindSettled, because: 'its offset is committed before the attempt' },
    { promise: keyOrder, because: 'a lost job never finishes, and its successors run; starts still ascend' },
  ], [atMostOnce, boundedLoss]);
  const scene = await openScene({ workload: { delivery: 'at-most-once', attempts: 1, failing: { share: 0.05, upTo: 1 }, workMs: [10, 60], long } });
  await scene.enqueue(entities, 15);
  const workers = await Promise.all([scene.startWorker(), scene.startWorker()]);
  await scene.untilBusy(...workers);
  // Whoever is at the long one is in the midst of an attempt when it is killed, however fast the others were. It comes when both have their
  // partitions: a hand-over would wait for it.
  await scene.enqueue([long.entity], 1);
  const runner = (): string | undefined => scene.lines.find(({ entity }) => entity === long.entity)?.worker;
  await scene.until('the long job to start', () => runner() !== undefined);
  const [killed, survivor] = workers[0].workerId === runner() ? workers : workers.toReversed() as [typeof workers[0], typeof workers[1]];
  await scene.kill(killed);
  await scene.untilCommitted();
  // Committed is begun; the last one of each entity may still run.
  await scene.stop(survivor);
  const history = await scene.history();
  expect(findViolations(terms, history)).toEqual([]);
  // Some were running when the worker was killed: without the early commit they would run again.
  const cutOff = readExecutions(history.lines).filter(({ start, endAt }) => endAt === null && start.worker === killed.workerId);
  expect(cutOff.length).toBeGreaterThan(0);
});

test('runs batches with one job of an entity at a time, and counts a job that gets no outcome as failed, also through a kill', async () => {
  const scene = await openScene({ workload: { batch: { maxSize: 20, maxWaitMs: 50, leftOutShare: 0.1 }, failing: { share: 0.1, upTo: 2 } } });
  await scene.enqueue(entities, 15);
  const [killed, survivor] = await Promise.all([scene.startWorker(), scene.startWorker()]);
  await scene.untilBusy(killed, survivor);
  await scene.untilDone(0.3 * scene.accepted.length);
  await scene.kill(killed);
  await scene.untilDone(scene.accepted.length);
  await scene.untilCommitted();
  const history = await scene.history();
  expect(findViolations(allKept, history)).toEqual([]);
  const batches = Map.groupBy(history.lines.filter(({ type }) => type === 'start'), ({ worker, run }) => `${worker}/${run}`);
  expect(Math.max(...[...batches.values()].map((batch) => batch.length))).toBeGreaterThan(10);
  for (const batch of batches.values()) expect(new Set(batch.map(({ entity }) => entity)).size).toBe(batch.length);
});
