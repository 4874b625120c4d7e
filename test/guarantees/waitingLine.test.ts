import { expect, test } from 'vitest';
import { nameEntities, openScene } from './openScene.ts';
import { measureRepeats } from './promises/boundedRepeats.ts';
import { allKept } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';
import type { Scene } from './scene.ts';
import type { WorkerProcess } from './process/workerProcess.ts';

/** Each entity's first job fails once and waits for long; its successors line up in the waiting room behind it, then run at once. */
async function runMostOfALine(): Promise<{ scene: Scene; worker: WorkerProcess }> {
  const scene = await openScene({ workload: { workMs: [8, 14], slowRetry: { sequence: 1, afterMs: 2000 } } });
  await scene.enqueue(nameEntities(12), 250);
  const worker = await scene.startWorker({ frontierPatienceMs: 300 });
  await scene.untilCommitted();
  expect(scene.doneJobs).toBe(0);
  await scene.untilDone(0.7 * scene.accepted.length);
  return { scene, worker };
}

test('settles what ran from a long line in the waiting room as fast as it ran: a kill repeats no more than the last flush', async () => {
  const { scene, worker } = await runMostOfALine();
  await scene.kill(worker);
  await scene.sightCommits();
  await scene.startWorker();
  await scene.untilDone(scene.accepted.length);
  expect(findViolations(allKept, await scene.history())).toEqual([]);
});

test('repeats nothing of a long line in the waiting room after a clean stop in the middle of it', async () => {
  const { scene, worker } = await runMostOfALine();
  await scene.stop(worker);
  await scene.startWorker();
  await scene.untilDone(scene.accepted.length);
  const history = await scene.history();
  expect(measureRepeats(history).repeats).toBe(0);
  expect(findViolations(allKept, history)).toEqual([]);
});
