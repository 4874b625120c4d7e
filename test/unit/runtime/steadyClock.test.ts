import { expect, test } from 'vitest';
import { createSteadyClock } from '../../../shared/runtime/steadyClock.ts';
import { createVirtualClock } from '../../../shared/testing/index.ts';

const START_MS = Date.UTC(2030, 0, 1);

test('shows the wall time, and follows small corrections of it', async () => {
  const wall = createVirtualClock(START_MS);
  const steady = createSteadyClock(wall);
  await wall.advance(5000);
  expect(steady.now()).toBe(wall.now());
  wall.jumpWall(-200);
  await wall.advance(5);
  expect(steady.now()).toBe(wall.now());
});

test.each([3_600_000, -3_600_000])('goes on as before when the wall clock jumps by %i ms, and after its return', async (jumpMs) => {
  const wall = createVirtualClock(START_MS);
  const steady = createSteadyClock(wall);
  wall.jumpWall(jumpMs);
  for (let second = 1; second < 60; second++) {
    expect(steady.now()).toBe(START_MS + (second - 1) * 1000);
    await wall.advance(1000);
  }
  wall.jumpWall(-jumpMs);
  await wall.advance(1000);
  expect(steady.now()).toBe(wall.now());
});

test('believes a step that has lasted a minute', async () => {
  const wall = createVirtualClock(START_MS);
  const steady = createSteadyClock(wall);
  wall.jumpWall(3_600_000);
  expect(steady.now()).toBe(START_MS);
  await wall.advance(59_000);
  expect(steady.now()).toBe(START_MS + 59_000);
  await wall.advance(1000);
  expect(steady.now()).toBe(wall.now());
});

test('begins the minute anew when the wall clock jumps again', async () => {
  const wall = createVirtualClock(START_MS);
  const steady = createSteadyClock(wall);
  wall.jumpWall(3_600_000);
  steady.now();
  await wall.advance(50_000);
  wall.jumpWall(3_600_000);
  steady.now();
  await wall.advance(50_000);
  expect(steady.now()).toBe(START_MS + 100_000);
});
