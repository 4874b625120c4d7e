import { expect, test } from 'vitest';
import { MAX_FLIGHTS, readFlights } from '../../../examples/flights/data.ts';
import { runOf } from '../../../examples/flights/jobId.ts';
import { plannedFailures } from '../../../examples/flights/plannedFailures.ts';
import { planRun } from '../../../examples/flights/planRun.ts';

const flights = await readFlights();

test('the data is there: 20,000 flights by time of departure', () => {
  expect(flights).toHaveLength(MAX_FLIGHTS);
  expect(flights.every((flight, i) => i === 0 || (flights[i - 1]?.date ?? '') <= flight.date)).toBe(true);
});

test('about one flight in twenty is to fail, one to three times, and always the same ones', () => {
  const failures = flights.map(plannedFailures);
  expect(new Set(failures)).toEqual(new Set([0, 1, 2, 3]));
  const share = failures.filter((times) => times > 0).length / flights.length;
  expect(share).toBeGreaterThan(0.045);
  expect(share).toBeLessThan(0.055);
  expect(flights.map(plannedFailures)).toEqual(failures);
});

test('each airport\'s jobs are numbered without gaps, in the order in which they are fed', () => {
  const plan = planRun('r1', flights.slice(0, 3000));
  const next = new Map<string, number>();
  for (const { type, payload } of plan.records) {
    if (type !== 'departure') continue;
    expect(payload.sequence).toBe(next.get(payload.origin) ?? 0);
    next.set(payload.origin, payload.sequence + 1);
  }
  expect(plan.jobs).toEqual(next);
});

test('ids are unique and tell the run', () => {
  const ids = planRun('r1', flights).records.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(ids.map(runOf))).toEqual(new Set(['r1']));
});

test('each sort of bad record is among even a few flights, and none of them is counted as done', () => {
  for (const count of [10, 2000, 20_000]) {
    const plan = planRun('r1', flights.slice(0, count));
    expect(new Set(plan.buried.values())).toEqual(new Set(['dead', 'empty', 'wire', 'schema-unknown', 'undecodable']));
    expect(plan.records).toHaveLength(count + plan.buried.size);
    expect(plan.done).toBe(count);
    expect([...plan.delays.values()].flat()).toHaveLength(count);
  }
});
