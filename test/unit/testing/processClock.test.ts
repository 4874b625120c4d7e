import { describe, expect, it } from 'vitest';
import { createProcessClock, createVirtualClock } from '../../../shared/testing/index.ts';

describe('a process\'s own clock', () => {
  it('runs no timer while it is frozen, then those that it missed in their order, and the rest when they are due', async () => {
    const shared = createVirtualClock(0);
    const own = createProcessClock(shared);
    const ran: string[] = [];
    for (const ms of [30, 10, 20, 60]) own.after(ms, () => ran.push(`${ms}@${own.monotonic()}`));
    shared.after(20, () => ran.push('neighbour'));
    own.freeze();
    await shared.advance(50);
    expect(ran).toEqual(['neighbour']);
    own.thaw();
    await shared.advance(20);
    expect(ran).toEqual(['neighbour', '10@50', '20@50', '30@50', '60@60']);
  });

  it('may be frozen again by the first timer that it missed', async () => {
    const shared = createVirtualClock(0);
    const own = createProcessClock(shared);
    const ran: string[] = [];
    own.after(1, () => { ran.push('first'); own.freeze(); });
    own.after(2, () => ran.push('second'));
    own.freeze();
    await shared.advance(5);
    own.thaw();
    await shared.advance(5);
    expect(ran).toEqual(['first']);
    own.thaw();
    await shared.advance(5);
    expect(ran).toEqual(['first', 'second']);
  });

  it('forgets a timer that is cancelled before, in or after the frost', async () => {
    const shared = createVirtualClock(0);
    const own = createProcessClock(shared);
    const ran: string[] = [];
    const cancels = ['a', 'b', 'c'].map((name, at) => own.after(at + 1, () => ran.push(name)));
    own.freeze();
    cancels[0]?.();
    await shared.advance(5);
    cancels[1]?.();
    own.thaw();
    cancels[2]?.();
    await shared.advance(5);
    expect(ran).toEqual([]);
  });
});
