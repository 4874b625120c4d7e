import { expect, test } from 'vitest';
import { examine, judge } from '../../../bench/check/judge.ts';
import { createJournal, readRows, type Ending, type Run } from '../../../bench/check/journal.ts';
import type { Load } from '../../../bench/jobs/load.ts';

/** Jobs 0, 2, 4 are one entity's, 1, 3, 5 another's. */
const load: Load = { jobs: 6, keys: 2, skew: 'even', workMs: 0 };
const run = (sequence: number, startMs: number, endMs = startMs, ending: Ending = 'done'): Run => ({ sequence, startMs, endMs, ending });
const clean = [run(0, 1), run(1, 1), run(2, 2), run(3, 2), run(4, 3), run(5, 3)];
const sound = { lost: 0, repeats: 0, inversions: 0, overlaps: 0 };

test('finds nothing where every job ran once, in its entity\'s order, whatever the order in which workers report', () => {
  expect(examine(load, clean)).toEqual(sound);
  expect(examine(load, clean.toReversed())).toEqual(sound);
  expect(judge(load, clean, { order: 'strict' }).ok).toBe(true);
});

test('counts a job that no run ended as lost, also where it ran and was to be tried again', () => {
  expect(examine(load, clean.slice(0, 5))).toEqual({ ...sound, lost: 1 });
  expect(examine(load, [...clean.slice(0, 5), run(5, 3, 4, 'again')])).toEqual({ ...sound, lost: 1 });
  expect(judge(load, clean.slice(0, 5), { order: 'none' }).ok).toBe(false);
});

test('counts a retry as part of its job, and a run after its end as a repeat', () => {
  expect(examine(load, [run(4, 2.5, 2.6, 'again'), ...clean])).toEqual(sound);
  expect(examine(load, [...clean, run(4, 9)])).toEqual({ ...sound, repeats: 1 });
  expect(judge(load, [...clean, run(4, 9)], { order: 'strict' }).ok).toBe(false);
  expect(judge(load, [...clean, run(4, 9)], { order: 'strict', allowedRepeats: 1 }).ok).toBe(true);
});

test('takes the end of a lane that is run again after a crash for repeats, not for disorder', () => {
  expect(examine(load, [...clean, run(2, 10), run(4, 11)])).toEqual({ ...sound, repeats: 2 });
});

test('counts a job that was overtaken by a later one of its entity', () => {
  const overtaken = [run(2, 1), run(0, 2), run(4, 3), run(1, 1), run(3, 2), run(5, 3)];
  expect(examine(load, overtaken)).toMatchObject({ lost: 0, repeats: 0, inversions: 1 });
  expect(judge(load, overtaken, { order: 'strict' }).ok).toBe(false);
  expect(judge(load, overtaken, { order: 'none' }).ok).toBe(true);
});

test('counts a job that began before its entity\'s earlier one had ended, also between its attempts', () => {
  expect(examine(load, [...clean.slice(1), run(0, 1, 2.5)])).toMatchObject({ overlaps: 1, inversions: 0 });
  expect(examine(load, [run(0, 1, 1.5, 'again'), run(2, 2), run(0, 2.5), run(4, 3), run(1, 1), run(3, 2), run(5, 3)])).toMatchObject({ overlaps: 1, inversions: 1 });
});

test('reads back from a journal what was written, also beyond the number that was expected', () => {
  const journal = createJournal(1);
  const runs = Array.from({ length: 40 }, (_, index) => run(index, index, index + 0.5, index % 3 === 0 ? 'done' : index % 3 === 1 ? 'again' : 'dead'));
  for (const { sequence, startMs, endMs, ending } of runs) journal.note(sequence, startMs, endMs, ending);
  expect(readRows(journal.rows())).toEqual(runs);
});
