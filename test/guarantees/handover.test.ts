import { expect, test } from 'vitest';
import { nameEntities, openScene } from './openScene.ts';
import { measureRepeats } from './promises/boundedRepeats.ts';
import { allKept } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';

const ROUNDS = 5;

test('repeats nothing while workers join and leave cleanly in turn under load', async () => {
  const scene = await openScene({ workload: { failing: { share: 0.04, upTo: 2 }, backoff: { firstMs: 700, factor: 1.5, maxMs: 1050 } } });
  const entities = nameEntities(150);
  await scene.enqueue(entities, 12);
  await scene.startWorker({ sessionTimeoutMs: 10_000 });
  for (let round = 1; round <= ROUNDS; round++) {
    const leaving = scene.workers.at(-1);
    const joining = await scene.startWorker({ sessionTimeoutMs: 10_000 });
    // The next jobs come before the hand-overs have settled: there is always something in flight.
    await scene.enqueue(entities, 8, 12 + 8 * (round - 1) + 1);
    await scene.until(`${joining.workerId} to own a partition`, () => joining.has('active'));
    if (leaving !== undefined) await scene.stop(leaving);
  }
  await scene.untilDone(scene.accepted.length);
  await scene.untilCommitted();
  await scene.stop(scene.workers.at(-1) as (typeof scene.workers)[number]);

  // One more finds nothing left to do but what is enqueued for it.
  const last = await scene.startWorker();
  await scene.until('all partitions to be open again', () => last.all('active').length === 6);
  await scene.enqueue(['late'], 1);
  await scene.untilDone(scene.accepted.length);
  const history = await scene.history();
  expect(measureRepeats(history).repeats).toBe(0);
  expect(history.lines.filter(({ outcome }) => outcome === 'aborted')).toEqual([]);
  expect(last.all('active').map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(findViolations(allKept, history)).toEqual([]);
});
