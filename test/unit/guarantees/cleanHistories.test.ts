import { expect, test } from 'vitest';
import { findViolations } from '../../guarantees/promises/guarantee.ts';
import { simulate } from '../../simulator/simulate.ts';
import { drawCleanHistory } from './drawCleanHistory.ts';

/** A small part; `npm run simulate:clean` has 10,000 of each. */
const DRAWN = 1000;
const PLAYED = 150;

test(`${DRAWN} histories of an ideal system raise no alarm, whatever they hold`, { timeout: 60_000 }, () => {
  const seen = { starts: 0, cuts: 0, buried: 0, commits: 0 };
  for (let seed = 1; seed <= DRAWN; seed++) {
    const { history, terms } = drawCleanHistory(seed);
    expect(findViolations(terms, history), `seed ${seed}`).toEqual([]);
    seen.starts += history.lines.length;
    seen.cuts += history.cuts.length;
    seen.buried += history.buried.length;
    seen.commits += history.commits.length;
  }
  // There is something in them that could be taken for a violation.
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(DRAWN / 2);
});

test(`${PLAYED} runs of the simulator without a fault raise no alarm`, { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= PLAYED; seed++) {
    const { violations } = await simulate(seed, 'clean');
    expect(violations, `npm run simulate -- --style clean --seed ${seed} --trace`).toEqual([]);
  }
});
