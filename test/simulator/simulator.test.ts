import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';
import { sliceStory } from './slice.ts';

const SMOKE_SEEDS = 200;

test('one seed is one history, byte for byte, whatever was played before it', async () => {
  const once: string[] = [];
  for (let seed = 1; seed <= 12; seed++) once.push((await simulate(seed)).fingerprint());
  for (let seed = 12; seed >= 1; seed--) expect((await simulate(seed)).fingerprint()).toBe(once[seed - 1]);
  expect(new Set(once).size).toBe(once.length);
}, 60_000);

test(`${SMOKE_SEEDS} seeds keep every promise`, async () => {
  let repeats = 0;
  for (let seed = 1; seed <= SMOKE_SEEDS; seed++) {
    const report = await simulate(seed);
    const shown = report.violations.map((violation) => `${violation.anomaly}: ${violation.detail}\n${sliceStory(report.story, violation).join('\n')}`);
    expect(shown, `npm run simulate -- --seed ${seed} --trace`).toEqual([]);
    repeats += report.repeats;
  }
  // The faults bite: without repeats nobody was cut off.
  expect(repeats).toBeGreaterThan(0);
}, 120_000);
