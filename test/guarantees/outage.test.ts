import { expect, inject, test } from 'vitest';
import { openScene } from './openScene.ts';
import { outageWorkload, runOutage, type OutagePart } from './runs/outage.ts';

async function runShortOutage(part: OutagePart) {
  const scene = await openScene({ workload: outageWorkload });
  return runOutage(scene, { brokers: inject('brokers'), registryUrl: inject('registryUrl'), part, outageMs: 6000, steadyMs: 4000 });
}

test('a retry topic that refuses writes for a while buries no good job and loses none; what needs it not goes on', async () => {
  const { violations, repeats, donePerSecond, busiestSecond } = await runShortOutage('retry');
  expect(violations).toEqual([]);
  expect(repeats).toBe(0);
  expect(donePerSecond.meanwhile).toBeGreaterThan(0);
  // It is asked meanwhile, so that its return is noticed.
  expect(busiestSecond.meanwhile).toBeGreaterThan(0);
});

test('a registry that is down buries no good job, stops no worker, and one that is started meanwhile works when it is back', async () => {
  const { violations, repeats, donePerSecond, startedAfterMs } = await runShortOutage('registry');
  expect(violations).toEqual([]);
  expect(repeats).toBe(0);
  expect(donePerSecond.meanwhile).toBeGreaterThan(0);
  expect(startedAfterMs).toBeGreaterThan(0);
});
