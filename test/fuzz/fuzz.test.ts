import fc from 'fast-check';
import { describe, it } from 'vitest';
import { targets } from './targets.ts';

/** A little of `npm run fuzz -- --minutes N`, with other inputs in every run; a failure tells the seed that replays it. */
const RUNS = 300;

describe('whatever anybody writes, only documented refusals come of it, with bounded work and memory, from', () => {
  it.each(targets)('$name', async ({ property }) => {
    await fc.assert(property as fc.IAsyncProperty<unknown>, { numRuns: RUNS });
  }, 30_000);
});
