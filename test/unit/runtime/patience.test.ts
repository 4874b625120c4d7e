import { expect, it } from 'vitest';
import { createPatience } from '../../../shared/runtime/patience.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

it('loses each that did not come in time, at the earliest then and at the latest a tenth later, and none that came', async () => {
  const clock = createVirtualClock(0);
  const lostAt = new Map<string, number>();
  const patience = createPatience<string>({ clock, patienceMs: 100, lost: (one) => { lostAt.set(one, clock.now()); } });
  patience.begin('first');
  patience.begin('comes');
  await clock.advance(5);
  patience.begin('later');
  expect(patience.end('comes')).toBe(true);
  await clock.advance(99);
  expect([...lostAt]).toEqual([['first', 100]]);
  await clock.advance(50);
  expect(lostAt.get('later')).toBeGreaterThanOrEqual(105);
  expect(lostAt.get('later')).toBeLessThanOrEqual(115);
  expect(patience.end('later')).toBe(false);
  expect(lostAt.size).toBe(2);
});

it('begins anew after all are gone, with a timer of its own', async () => {
  const clock = createVirtualClock(0);
  const lost: number[] = [];
  const patience = createPatience<number>({ clock, patienceMs: 10, lost: (one) => { lost.push(one); } });
  patience.begin(1);
  patience.end(1);
  await clock.advance(1000);
  patience.begin(2);
  await clock.advance(10);
  expect(lost).toEqual([2]);
});
