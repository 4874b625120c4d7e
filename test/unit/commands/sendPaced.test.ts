import { describe, expect, it } from 'vitest';
import { sendPaced } from '../../../shared/commands/sendPaced.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

describe('commands at many jobs', () => {
  it('go no faster than asked, and stop where they are told to', async () => {
    const clock = createVirtualClock(0);
    const startMs = clock.monotonic();
    const at: number[] = [];
    const control = new AbortController();
    const all = sendPaced(Array.from({ length: 10 }, (_, index) => index), (index) => {
      at.push(clock.monotonic() - startMs);
      if (index === 4) control.abort();
      return Promise.resolve();
    }, { perSecond: 4, clock, signal: control.signal });
    await clock.advance(10_000);
    expect(await all).toBe(5);
    expect(at).toEqual([0, 250, 500, 750, 1000]);
  });

  it('make up for no delay: after Kafka stood, they go on at the rate, not faster', async () => {
    const clock = createVirtualClock(0);
    const at: number[] = [];
    const all = sendPaced(Array.from({ length: 530 }, (_, index) => index), () => {
      at.push(clock.monotonic());
      // The acks of the first five hundred come late: no more are sent meanwhile.
      return at.length <= 500 ? new Promise<void>((resolve) => { clock.after(20_000, resolve); }) : Promise.resolve();
    }, { perSecond: 50, clock });
    await clock.advance(60_000);
    expect(await all).toBe(530);
    const late = at.filter((ms) => ms >= 20_000);
    expect((late.at(-1) ?? 0) - (late[0] ?? 0)).toBeGreaterThanOrEqual((late.length - 1 - 6) * 20);
    expect(late.filter((ms) => ms < (late[0] ?? 0) + 1).length).toBeLessThanOrEqual(6);
  });

  it('are sent no further after one failed, and tell it when those under way have ended', async () => {
    const sent: number[] = [];
    const slow = Promise.withResolvers<void>();
    const clock = createVirtualClock(0);
    const all = sendPaced([0, 1, 2, 3, 4], (index) => (index === 0 ? slow.promise : index === 2 ? Promise.reject(new Error('refused')) : Promise.resolve()), { perSecond: 10, clock, sent: (one) => sent.push(one) });
    const end = expect(all).rejects.toThrow('refused');
    await clock.advance(1000);
    slow.resolve();
    await end;
    expect(sent.toSorted()).toEqual([0, 1]);
  });

  it.each([0, -1, NaN, Infinity])('refuse a pace of %s a second', async (perSecond) => {
    await expect(sendPaced([1], () => Promise.resolve(), { perSecond })).rejects.toThrow(expect.objectContaining({ code: 'BAD_COMMAND' }) as Error);
  });
});
