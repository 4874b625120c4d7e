import { expect, test } from 'vitest';
import { openScene } from './openScene.ts';
import { rollingWorkload, runRollingRestarts } from './runs/rollingRestarts.ts';

test('repeats nothing and aborts nothing while its workers are restarted one after the other under load', async () => {
  const scene = await openScene({ workload: rollingWorkload });
  const { restarts, jobs, repeats, aborted, violations } = await runRollingRestarts(scene, { times: 3 });
  expect({ repeats, aborted, violations }).toEqual({ repeats: 0, aborted: 0, violations: [] });
  // Some were in flight at each stop.
  expect(jobs).toBeGreaterThan(10 * restarts);
});
