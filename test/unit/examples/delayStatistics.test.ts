import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkStatistics } from '../../../examples/flights/checkStatistics.ts';
import { NO_DEPARTURES, takeIn, type DelayStatistics } from '../../../examples/flights/delayStatistics.ts';
import { recomputeStatistics, sameStatistics } from '../../../examples/flights/recomputeStatistics.ts';
import type { WitnessLine } from '../../../examples/flights/witness.ts';

const oneByOne = (delays: readonly number[]): DelayStatistics => delays.reduce(takeIn, NO_DEPARTURES);
const effect = (airport: string, sequence: number, statistics: DelayStatistics): WitnessLine => ({ at: 'effect', airport, sequence, attempt: 1, fence: 1, statistics });

test('one departure at a time comes to the same as all at once', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -60, max: 600 }), { minLength: 1, maxLength: 300 }), (delays) => {
    expect(sameStatistics(oneByOne(delays), recomputeStatistics(delays))).toBe(true);
  }));
});

test('counts the longest row of late departures', () => {
  expect(oneByOne([15, 20, 14, 90, 15, 16, -3])).toMatchObject({ streak: 0, longestStreak: 3 });
  expect(recomputeStatistics([15, 20, 14, 90, 15, 16, -3])).toMatchObject({ streak: 0, longestStreak: 3 });
});

test('another order comes to something else', () => {
  expect(sameStatistics(oneByOne([0, 30, 60]), oneByOne([60, 30, 0]))).toBe(false);
});

test('the check names the airports that are not as the data says: wrong, left out, or made up', () => {
  const lines = [effect('ORD', 0, oneByOne([5])), effect('ORD', 1, oneByOne([5, 6])), effect('DFW', 0, oneByOne([1, 2])), effect('XXX', 0, oneByOne([1]))];
  const delays = new Map([['ORD', [5, 6]], ['DFW', [2, 1]], ['LAX', [9]]]);
  expect(checkStatistics(lines, delays).map(({ airport }) => airport)).toEqual(['DFW', 'LAX', 'XXX']);
});
