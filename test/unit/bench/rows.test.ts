import { expect, test } from 'vitest';
import { contestantsOf } from '../../../bench/frame/contestantsOf.ts';
import { goalsOf, rowsOf, type Measured } from '../../../bench/frame/row.ts';
import type { Contestant, Goal, Scenario } from '../../../bench/frame/scenario.ts';

const ok = { ok: true, text: '' };
const contestant = (name: string): Contestant => ({ name, needs: [], settings: '', durability: '', versions: '', measure: () => Promise.reject(new Error('not measured here')) });
const measured = (name: string, rates: readonly number[], last = ok): Measured => ({
  contestant: contestant(name), samples: rates.map((rate, round) => ({ figures: { rate }, check: round === 0 ? last : ok })),
});
const scenario = (goals: readonly Goal[] = []): Scenario => ({
  name: 's', measures: '', columns: [{ key: 'rate', title: 'jobs/s' }], subject: 'us', compared: 'rate', contestants: () => [], goals, notes: [], seconds: { full: 1, quick: 1, smoke: 1 },
});

test('compares within a round, so that a machine that slows down slows both sides', () => {
  const [us, peer] = rowsOf(scenario(), [measured('us', [100, 50, 20]), measured('peer', [10, 5, 2])]);
  expect(us).toMatchObject({ ratio: null, figures: { rate: { median: 50, min: 20, max: 100 } } });
  expect(peer?.ratio).toEqual({ median: 10, min: 10, max: 10 });
});

test('shows the check of the round that went wrong, not of the last', () => {
  const [row] = rowsOf(scenario(), [measured('us', [1, 2, 3], { ok: false, text: 'one lost' })]);
  expect(row?.check).toEqual({ ok: false, text: 'one lost' });
});

test('holds a goal against the best of the named peers of each round, and leaves it open where one of them is missing', () => {
  const goal: Goal = { text: 'twice the best', contestant: 'us', column: 'rate', over: ['a', 'b'], atLeast: 2 };
  const rows = [measured('us', [20, 20]), measured('a', [8, 2]), measured('b', [2, 10])];
  expect(goalsOf(scenario([goal]), rows)).toEqual([{ text: 'twice the best', reached: { median: 2.25, min: 2, max: 2.5 }, met: true }]);
  expect(goalsOf(scenario([{ ...goal, atLeast: 2.3 }]), rows)[0]?.met).toBe(false);
  expect(goalsOf(scenario([goal]), rows.slice(0, 2))).toEqual([{ text: 'twice the best', reached: null, met: null }]);
});

test('calls no goal met by a contestant one of whose checks came out wrong, whatever its figures', () => {
  const goal: Goal = { text: 'ten', contestant: 'us', column: 'rate', atLeast: 10 };
  expect(goalsOf(scenario([goal]), [measured('us', [20, 20], { ok: false, text: 'one lost' })])[0]?.met).toBe(false);
});

test('chooses contestants by a part of their names, capitals or not', async () => {
  const some = { ...scenario(), contestants: () => ['millrace', 'BullMQ c50', 'pg-boss 4×500'].map(contestant) };
  expect((await contestantsOf(some, 'full', ['bullmq', 'BOSS'])).map(({ name }) => name)).toEqual(['BullMQ c50', 'pg-boss 4×500']);
  expect(await contestantsOf(some, 'full', ['graphile'])).toEqual([]);
});

test('takes part in a smoke with those only that the scenario names for it', async () => {
  const some = { ...scenario(), smoke: ['us'], contestants: () => ['us', 'peer'].map(contestant) };
  expect((await contestantsOf(some, 'smoke')).map(({ name }) => name)).toEqual(['us']);
  expect(await contestantsOf(some, 'full')).toHaveLength(2);
});
