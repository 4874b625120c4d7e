import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVirtualClock } from '../../../shared/testing/index.ts';
import { Deadlines } from '../../../shared/worker/deadlines.ts';

test('expires what did not end, at its time, and nothing else', async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.record({ timeoutMs: fc.constantFrom(10, 50, 200), startMs: fc.nat(100), endMs: fc.option(fc.nat(300)) }), { maxLength: 40 }),
    async (items) => {
      const clock = createVirtualClock(0);
      const expired: [number, number][] = [];
      const deadlines = new Deadlines<number>(clock, (index) => { expired.push([index, clock.monotonic()]); });
      for (const [index, { timeoutMs, startMs, endMs }] of items.entries()) {
        clock.after(startMs, () => {
          const deadline = deadlines.watch(index, timeoutMs);
          if (endMs !== null) clock.after(endMs, () => { deadlines.forget(deadline); });
        });
      }
      await clock.advance(1000);
      const wanted = items.flatMap(({ timeoutMs, startMs, endMs }, index) => (endMs === null || endMs > timeoutMs ? [[index, startMs + timeoutMs]] : []));
      const onlyTies = items.flatMap(({ timeoutMs, endMs }, index) => (endMs === timeoutMs ? [index] : []));
      const firm = expired.filter(([index]) => !onlyTies.includes(index));
      expect(firm.sort((a, b) => a[0] - b[0])).toEqual(wanted);
      expect(clock.pendingTimers()).toBe(0);
    },
  ));
});

test('keeps nothing of what ended', () => {
  const clock = createVirtualClock(0);
  const deadlines = new Deadlines<number>(clock, () => undefined);
  const slow = deadlines.watch(0, 1000);
  for (let index = 1; index < 1000; index++) deadlines.forget(deadlines.watch(index, 1000));
  expect(slow.after).toBeNull();
  expect(slow.list.last).toBe(slow);
});
