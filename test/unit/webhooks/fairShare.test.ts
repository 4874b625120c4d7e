import { expect, test } from 'vitest';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';
import { createFairShare } from '../../../shared/webhooks/fairShare.ts';

test.each([50, 1000, 15_000])('a crowd for one receiver that takes %i ms is let through ten at once, without being asked for over and over', async (tookMs) => {
  const clock = createVirtualClock(0);
  const share = createFairShare({ clock, atOnce: 10 });
  let [asked, running, most, ended] = [0, 0, 0, 0];
  const come = (): void => {
    asked += 1;
    const entry = share.enter('slow');
    if ('afterMs' in entry) {
      clock.after(entry.afterMs, come);
      return;
    }
    most = Math.max(most, ++running);
    clock.after(tookMs, () => {
      running -= 1;
      ended += 1;
      entry.leave();
    });
  };
  for (let n = 0; n < 1000; n++) come();
  await clock.runUntil(() => ended === 1000, { maxMs: 86_400_000 });
  expect(most).toBe(10);
  expect(asked).toBeLessThan(6000);
  expect(clock.monotonic()).toBeLessThan(100 * tookMs * 1.5 + 60_000);
  expect(share.size).toBe(0);
});

test('one crowd does not hold up another name', () => {
  const share = createFairShare({ clock: createVirtualClock(0), atOnce: 1 });
  expect(share.enter('slow')).toHaveProperty('leave');
  expect(share.enter('slow')).toMatchObject({ afterMs: expect.any(Number) as number });
  expect(share.enter('other')).toHaveProperty('leave');
});
