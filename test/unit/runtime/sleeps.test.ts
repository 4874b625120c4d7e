import { expect, it } from 'vitest';
import { createSleeps, retryPauseMs } from '../../../shared/runtime/sleeps.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

it('sleeps end in their time, or with their owner, who has none after', async () => {
  const clock = createVirtualClock(0);
  const { sleep, end } = createSleeps(clock);
  const ended: string[] = [];
  const short = sleep(10).then(() => ended.push('short'));
  const long = sleep(1000).then(() => ended.push('long'));
  await clock.advance(10);
  await short;
  expect(ended).toEqual(['short']);
  end();
  await long;
  await sleep(1000);
  expect(clock.now()).toBe(10);
});

it('pauses grow from a tenth of a second to five, and stay there', () => {
  expect([1, 2, 3, 4, 5, 6, 1000].map(retryPauseMs)).toEqual([100, 500, 1000, 2000, 5000, 5000, 5000]);
});

it('sleeps end with a signal, also one that was aborted before, and leave nothing on it', async () => {
  const clock = createVirtualClock(0);
  const control = new AbortController();
  const sleeps = createSleeps(clock, control.signal);
  const long = sleeps.sleep(1000);
  control.abort();
  await long;
  await createSleeps(clock, control.signal).sleep(1000);
  expect([clock.now(), clock.pendingTimers()]).toEqual([0, 0]);
  let listeners = 0;
  const counted = { aborted: false, addEventListener: () => { listeners++; }, removeEventListener: () => { listeners--; } } as unknown as AbortSignal;
  createSleeps(clock, counted).end();
  expect(listeners).toBe(0);
});
