import { expect, inject, test } from 'vitest';
import { openScene } from './openScene.ts';
import { outageWorkload, runOutage } from './runs/outage.ts';

// Of topics that refuse writes tells refusedWrites.test.ts.
test('a registry that is down buries no good job, stops no worker, and one that is started meanwhile works when it is back', async () => {
  const scene = await openScene({ workload: outageWorkload });
  const { violations, repeats, donePerSecond, startedAfterMs } = await runOutage(scene, {
    brokers: inject('brokers'), registryUrl: inject('registryUrl'), part: 'registry', outageMs: 6000, warmMs: 500, steadyMs: 2500,
  });
  expect(violations).toEqual([]);
  expect(repeats).toBe(0);
  expect(donePerSecond.meanwhile).toBeGreaterThan(0);
  expect(startedAfterMs).toBeGreaterThan(0);
});
