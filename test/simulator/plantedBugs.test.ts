import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { findPlantedBug } from './findPlantedBug.ts';
import { plantedBugs } from './plantedBugs.ts';
import { readPlantedPlans } from './plantedPlans.ts';

/** Where the kept plan shows it no more (the code has moved on), so many seeds are searched; the whole bound is for `npm run simulate:planted`. */
const MOST_SEEDS = 1000;
const plans = readPlantedPlans();

/** As many at once as there are processors: each has a thread of its own, whose copy of the code has the bug. */
const waiting: (() => void)[] = [];
let free = Math.max(1, availableParallelism());
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (free === 0) await new Promise<void>((resolve) => { waiting.push(resolve); });
  else free--;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

/** Proves the proof: a simulator that forgives these would prove nothing. */
describe.concurrent('a planted bug is told by its anomaly', () => {
  it.each(Object.entries(plantedBugs))('%s', { timeout: 300_000 }, async (name, { is, anomalies, seeds }) => {
    const { violations } = await inTurn(() => findPlantedBug({ name, from: 1, seeds: Math.min(seeds, MOST_SEEDS), shrink: false, plan: plans[name] ?? null }));
    const told = [...new Set(violations.map(({ anomaly }) => anomaly))];
    expect(told.some((anomaly) => anomalies.includes(anomaly)), `${is}: ${violations.map(({ anomaly, detail }) => `${anomaly}: ${detail}`).join('\n') || 'nothing was noticed'}`).toBe(true);
  });
});
