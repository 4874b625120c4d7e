import { expect, test } from 'vitest';
import { readPlantedPlans } from './plantedPlans.ts';
import { runPlan } from './simulate.ts';

/** Runs that showed a bug, ours or a planted one, shrunken to what it takes. The code without the bug keeps every promise in them. */
test.each(Object.entries(readPlantedPlans()))('nothing is broken in the run that shows: %s', async (_, plan) => {
  const { violations } = await runPlan(plan);
  expect(violations.map(({ anomaly, detail }) => `${anomaly}: ${detail}`)).toEqual([]);
});
