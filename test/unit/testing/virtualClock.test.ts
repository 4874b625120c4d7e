import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

describe('the virtual clock', () => {
  it('runs timers in the order of their due times, and equal ones in the order they were set', async () => {
    const clock = createVirtualClock(1_000);
    const ran: string[] = [];
    for (const [name, ms] of [['c', 30], ['a', 10], ['b1', 20], ['b2', 20], ['b3', 20]] as const) clock.after(ms, () => ran.push(`${name}@${clock.monotonic()}`));
    await clock.advance(30);
    expect(ran).toEqual(['a@10', 'b1@20', 'b2@20', 'b3@20', 'c@30']);
  });

  it('lets what a timer resolved run to its end before the next timer of the same instant', async () => {
    const clock = createVirtualClock(0);
    const ran: string[] = [];
    const longWay = async (): Promise<void> => {
      for (let step = 0; step < 50; step += 1) await Promise.resolve();
      ran.push('promise');
    };
    clock.after(5, () => { void longWay(); });
    clock.after(5, () => ran.push('timer'));
    await clock.advance(5);
    expect(ran).toEqual(['promise', 'timer']);
  });

  it('never runs a timer inside the call that sets it, and leaves those that are not due', async () => {
    const clock = createVirtualClock(0);
    let soon = 0;
    let late = 0;
    clock.after(0, () => { soon += 1; });
    clock.after(11, () => { late += 1; });
    expect(soon).toBe(0);
    await clock.advance(10);
    expect([soon, late, clock.now(), clock.pendingTimers()]).toEqual([1, 0, 10, 1]);
  });

  it('forgets a cancelled timer, even in the instant in which it is due', async () => {
    const clock = createVirtualClock(0);
    let ran = false;
    const cancel = clock.after(5, () => { ran = true; });
    clock.after(4, cancel);
    clock.after(4, cancel);
    expect(clock.pendingTimers()).toBe(3);
    await clock.runUntilIdle();
    expect([ran, clock.pendingTimers()]).toEqual([false, 0]);
  });

  it('runs timers that timers set, at their own times', async () => {
    const clock = createVirtualClock(0);
    const at: number[] = [];
    const again = (): void => { at.push(clock.monotonic()); if (at.length < 4) clock.after(7, again); };
    clock.after(7, again);
    await clock.advance(100);
    expect(at).toEqual([7, 14, 21, 28]);
    expect(clock.monotonic()).toBe(100);
  });

  it('moves the wall clock alone when it jumps, so that durations and timers do not notice', async () => {
    const clock = createVirtualClock(1_000_000);
    let ran = false;
    clock.after(50, () => { ran = true; });
    clock.jumpWall(-500_000);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([500_000, 0, false]);
    await clock.advanceTo(500_050);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([500_050, 50, true]);
  });

  it('stops at the timer that makes a condition true, and says so when none does', async () => {
    const clock = createVirtualClock(0);
    let count = 0;
    const tick = (): void => { count += 1; clock.after(10, tick); };
    clock.after(10, tick);
    await clock.runUntil(() => count === 3);
    expect(clock.monotonic()).toBe(30);
    await expect(clock.runUntil(() => count < 0, { maxMs: 1_000 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(clock.runUntilIdle({ maxMs: 1_000 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('hands what a timer throws to whoever advances it', async () => {
    const clock = createVirtualClock(0);
    clock.after(1, () => { throw new Error('from the timer'); });
    await expect(clock.advance(5)).rejects.toThrow('from the timer');
    await clock.advance(5);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(5);
  });

  it('serves several that wait at once, each until its own end', async () => {
    const clock = createVirtualClock(0);
    const ended: string[] = [];
    let ticks = 0;
    const tick = (): void => { ticks += 1; clock.after(4, tick); };
    tick();
    await Promise.all([
      clock.advance(15).then(() => ended.push(`15@${clock.monotonic()}`)),
      clock.advance(10).then(() => ended.push(`10@${clock.monotonic()}`)),
      clock.runUntil(() => ticks === 3).then(() => clock.advance(3)).then(() => ended.push(`8+3@${clock.monotonic()}`)),
      clock.runUntil(() => false, { maxMs: 14 }).catch(() => ended.push(`never@${clock.monotonic()}`)),
    ]);
    expect(ended).toEqual(['10@10', '8+3@11', 'never@12', '15@15']);
  });

  it('runs 100,000 timers in well under ten seconds', async () => {
    const clock = createVirtualClock(0);
    let ran = 0;
    for (let n = 0; n < 100_000; n += 1) clock.after((n * 7919) % 1_000, () => { ran += 1; });
    await clock.runUntilIdle();
    expect(ran).toBe(100_000);
  });
});
