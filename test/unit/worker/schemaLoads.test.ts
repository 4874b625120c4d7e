import { expect, test } from 'vitest';
import type { Codec } from '../../../shared/avro/codec.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';
import { SchemaLoads } from '../../../shared/worker/schemaLoads.ts';

/** @param answersMs how long the registry takes for an answer */
function openScene(answersMs = 0) {
  const clock = createVirtualClock(0);
  const asked: { id: number; atMs: number }[] = [];
  const known: number[] = [];
  const broken = new Set<number>();
  let up = false;
  const load = async (id: number): Promise<void> => {
    asked.push({ id, atMs: clock.monotonic() });
    if (answersMs > 0) await new Promise<void>((resolve) => { clock.after(answersMs, resolve); });
    return up && !broken.has(id) ? Promise.resolve() : Promise.reject(new Error('away'));
  };
  const loads = new SchemaLoads({ load } as Pick<Codec, 'load'> as Codec, clock, () => 1, () => undefined);
  const askedSince = (ms: number): number => asked.filter(({ atMs }) => atMs >= ms).length;
  return { clock, asked, askedSince, known, broken, want: (id: number) => { loads.whenKnown(id, () => { known.push(id); }); }, set: (state: boolean) => { up = state; }, loads };
}

test('asks a registry that is away for one schema at a time, however many are waited for, and never gives up', async () => {
  const { clock, askedSince, want } = openScene();
  for (let id = 1; id <= 50; id++) want(id);
  await clock.advance(600_000);
  const minute = askedSince(clock.monotonic() - 60_000);
  expect(minute).toBeGreaterThanOrEqual(6);
  expect(minute).toBeLessThanOrEqual(7);
});

test('asks a registry that is back for twice as many each time, and no herd', async () => {
  const { clock, asked, known, want, set } = openScene(20);
  for (let id = 1; id <= 20; id++) want(id);
  await clock.advance(60_000);
  set(true);
  const backMs = clock.monotonic();
  await clock.advance(15_000);
  expect(known.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  const rounds = Map.groupBy(asked.filter(({ atMs }) => atMs > backMs), ({ atMs }) => atMs);
  expect([...rounds.values()].map((round) => round.length)).toEqual([1, 2, 4, 8, 5]);
  const timesMs = [...rounds.keys()];
  expect(timesMs.slice(1, 4).map((ms, index) => ms - (timesMs[index] ?? 0))).toEqual([1020, 1020, 1020]);
  // Then it is as before: what is new is asked for at once.
  want(99);
  await clock.advance(20);
  expect(known).toContain(99);
});

test('fetches a good schema within seconds of the registry\'s return, though ten thousand forged ids came before it', async () => {
  const { clock, asked, known, want, set } = openScene(20);
  for (let id = 1; id <= 10_000; id++) want(id);
  await clock.advance(600_000);
  want(77_777);
  set(true);
  await clock.advance(10_000 + 5000 + 10_000 / 16 * 20);
  expect(known).toContain(77_777);
  expect(known).toHaveLength(10_001);
  expect(Math.max(...[...Map.groupBy(asked, ({ atMs }) => atMs).values()].map((all) => all.length))).toBeLessThanOrEqual(16);
});

test('goes back to one at a time when the registry goes away again, and asks first for what it was never asked for', async () => {
  const { clock, askedSince, known, want, set } = openScene();
  for (let id = 1; id <= 1000; id++) want(id);
  await clock.advance(60_000);
  set(true);
  await clock.runUntil(() => known.length >= 7);
  set(false);
  await clock.advance(60_000);
  expect(askedSince(clock.monotonic() - 30_000)).toBeLessThanOrEqual(4);
  set(true);
  await clock.advance(30_000);
  expect(known).toHaveLength(1000);
});

test('does not hold up the other schemas for one that the registry cannot give', async () => {
  const { clock, known, broken, want, set } = openScene();
  broken.add(1);
  set(true);
  want(1);
  await clock.advance(1);
  for (let id = 2; id <= 5; id++) want(id);
  await clock.advance(5000);
  expect(known.toSorted()).toEqual([2, 3, 4, 5]);
});

test('asks nobody any more when it is closed', async () => {
  const { clock, asked, want, loads } = openScene();
  want(1);
  await clock.advance(10_000);
  loads.close();
  const before = asked.length;
  await clock.advance(60_000);
  expect(asked.length).toBe(before);
});

test('asks for few schemas at a time, however many records name one that nobody has', async () => {
  const clock = createVirtualClock(0);
  let [underWay, most] = [0, 0];
  const load = async (): Promise<void> => {
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => { clock.after(20, resolve); });
    underWay--;
  };
  const loads = new SchemaLoads({ load } as Partial<Codec> as Codec, clock, () => 1, () => undefined);
  const known = new Set<number>();
  for (let id = 1; id <= 5000; id++) loads.whenKnown(id, () => { known.add(id); });
  await clock.advance(5000 / 16 * 20 + 100);
  expect([known.size, most]).toEqual([5000, 16]);
});

test('goes over to one request at a time when one of many fails, and forgets none of those that waited', async () => {
  const { clock, asked, known, want, set } = openScene();
  for (let id = 1; id <= 100; id++) want(id);
  await clock.advance(100);
  expect(asked.length).toBe(16);
  set(true);
  await clock.advance(200_000);
  expect(known).toHaveLength(100);
});
