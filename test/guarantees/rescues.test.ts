import { expect, test } from 'vitest';
import { openScene } from './openScene.ts';
import { rescueWorkload, runRescues } from './runs/rescues.ts';

test('runs what a killed worker had in flight again on the others, while the load goes on', async () => {
  const scene = await openScene({ workload: rescueWorkload });
  const { inFlight, repeats, violations } = await runRescues(scene, { times: 1, sessionTimeoutMs: 4000 });
  expect(violations).toEqual([]);
  expect(inFlight).toBeGreaterThan(0);
  expect(repeats).toBeGreaterThanOrEqual(inFlight);
});
