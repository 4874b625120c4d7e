import { expect, test } from 'vitest';
import { checkWitness } from '../../../examples/flights/checkWitness.ts';
import { NO_DEPARTURES } from '../../../examples/flights/delayStatistics.ts';
import type { WitnessLine } from '../../../examples/flights/witness.ts';

type Outcome = 'done' | 'failed' | 'dead';

/** One attempt's lines; `ends` null leaves it open, as a crash does. */
function attempt(sequence: number, ends: Outcome | null = 'done', { number = 1, fence = 1, airport = 'ORD' } = {}): WitnessLine[] {
  const self = { airport, sequence, attempt: number, fence };
  return [
    { at: 'start', ...self },
    ...(ends === 'done' ? [{ at: 'effect' as const, statistics: NO_DEPARTURES, ...self }] : []),
    ...(ends === null ? [] : [{ at: 'end' as const, outcome: ends, ...self }]),
  ];
}

/** An attempt that finds its effect there already. */
function again(sequence: number, fence: number): WitnessLine[] {
  return attempt(sequence, 'done', { fence }).filter(({ at }) => at !== 'effect');
}

const rules = (lines: readonly WitnessLine[], jobs?: Record<string, number>): string[] =>
  checkWitness(lines, jobs === undefined ? undefined : new Map(Object.entries(jobs))).violations.map(({ rule, airport }) => `${rule} ${airport}`);

test('finds nothing wrong with jobs in order, retries before their successors, and airports interleaved', () => {
  const [ordStart, ordEffect, ordEnd] = attempt(0) as [WitnessLine, WitnessLine, WitnessLine];
  const [dfwStart, ...dfwRest] = attempt(0, 'dead', { airport: 'DFW' }) as [WitnessLine, WitnessLine];
  const lines = [ordStart, dfwStart, ordEffect, ...dfwRest, ordEnd, ...attempt(1, 'failed'), ...attempt(1, 'failed', { number: 2 }), ...attempt(1, 'done', { number: 3 }), ...attempt(2)];
  expect(checkWitness(lines, new Map([['ORD', 3], ['DFW', 1]]))).toEqual({ violations: [], airports: 2, ended: 4, repeated: 0 });
});

test('blames a job that overtakes one that waits for its retry', () => {
  expect(rules([...attempt(0, 'failed'), ...attempt(1), ...attempt(0, 'done', { number: 2 })])).toEqual(['order ORD', 'order ORD']);
});

test('blames a job that runs before its predecessor', () => {
  expect(rules([...attempt(1), ...attempt(0)])).toEqual(['order ORD', 'order ORD']);
});

test('blames two attempts of an airport at once', () => {
  const [start, ...rest] = attempt(0) as [WitnessLine, ...WitnessLine[]];
  const [otherStart, ...otherRest] = attempt(1) as [WitnessLine, ...WitnessLine[]];
  expect(rules([start, otherStart, ...rest, ...otherRest])).toContain('overlap ORD');
});

test('blames a job that is lost, at the end of an airport or with all of it', () => {
  expect(rules([...attempt(0)], { ORD: 2, DFW: 1 })).toEqual(['missing ORD', 'missing DFW']);
  expect(rules([...attempt(0), ...attempt(1, null)], { ORD: 2 })).toEqual(['missing ORD']);
});

test('asks nothing of jobs that are yet to come when the run was not fed to its end', () => {
  expect(rules([...attempt(0), ...attempt(1, 'failed')])).toEqual([]);
});

test('blames a repeat without a change of owner', () => {
  expect(rules([...attempt(0), ...again(0, 1)])).toEqual(['order ORD']);
});

test('allows a new owner to replay the end of an airport, and counts the repeats', () => {
  const lines = [...attempt(0), ...attempt(1), ...attempt(2, null), ...again(1, 2), ...attempt(2, 'done', { fence: 2 })];
  expect(checkWitness(lines, new Map([['ORD', 3]]))).toEqual({ violations: [], airports: 1, ended: 3, repeated: 1 });
});

test('blames a new owner that replays one old job alone', () => {
  expect(rules([...attempt(0), ...attempt(1), ...again(0, 2), ...attempt(2, 'done', { fence: 2 })])).toEqual(['order ORD']);
});

test('blames a new owner that leaves one out', () => {
  expect(rules([...attempt(0), ...attempt(2, 'done', { fence: 2 })])).toEqual(['order ORD']);
});

test('blames a former owner that starts a job, but not one that writes its last end', () => {
  const [start, effect, end] = attempt(0) as [WitnessLine, WitnessLine, WitnessLine];
  expect(rules([start, effect, ...again(0, 2), end, ...attempt(1, 'done', { fence: 2 })])).toEqual([]);
  expect(rules([...attempt(0, 'done', { fence: 2 }), ...attempt(1, 'failed', { fence: 1 })])).toContain('fence ORD');
});

test('blames an effect that is had twice, and one without a start', () => {
  expect(rules([...attempt(0), ...attempt(0, 'done', { fence: 2 })])).toEqual(['twice ORD']);
  expect(rules(attempt(0).slice(1))).toEqual(['mismatch ORD', 'mismatch ORD']);
});
