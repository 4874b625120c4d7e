import { describe, expect, it } from 'vitest';
import { Outbox } from '../../../shared/engine/outbox.ts';

const filled = (...items: string[]): Outbox<string> => {
  const outbox = new Outbox<string>();
  for (const item of items) outbox.put(item);
  return outbox;
};
const take = (outbox: Outbox<string>, now = 0, most = 10, bytes = 100): string[] | null => outbox.take(now, most, bytes, (item) => item.length);

describe('outbox', () => {
  it('has one group under way at a time, so nothing overtakes', () => {
    const outbox = filled('a');
    take(outbox);
    outbox.put('b');
    expect(take(outbox)).toBeNull();
    outbox.acked(0);
    expect(take(outbox)).toEqual(['b']);
  });

  it('sends a refused group again as it was, before anything that came later', () => {
    const outbox = filled('a', 'b');
    const group = take(outbox);
    outbox.put('c');
    outbox.failed(0, 0);
    expect(take(outbox, 5000)).toBe(group);
    expect(outbox.acked(0)).toEqual(['a', 'b']);
    expect(take(outbox, 5000)).toEqual(['c']);
  });

  it('waits longer after each refusal, at most 5 s, and starts over after an ack', () => {
    const outbox = filled('a', 'b');
    const waits: number[] = [];
    for (let round = 0; round < 12; round++) {
      take(outbox, 1e9, 1);
      outbox.failed(0, 0.999999);
      waits.push(Math.round(outbox.retryAtMs ?? 0));
    }
    expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(Math.max(...waits)).toBe(5000);
    expect(take(outbox, (outbox.retryAtMs ?? 0) - 1)).toBeNull();
    take(outbox, 1e9);
    outbox.acked(0);
    expect(outbox.retryAtMs).toBeNull();
    take(outbox, 1e9);
    expect(outbox.failed(0, 0)).toBe(1);
  });

  it('keeps groups apart after an outage for as long as that lasted, and not before or later', () => {
    const outbox = new Outbox<string>(500);
    const send = (atMs: number): boolean => {
      outbox.put('x');
      if (take(outbox, atMs) === null) return false;
      outbox.acked(atMs);
      return true;
    };
    expect([0, 1, 2].map(send)).toEqual([true, true, true]);
    outbox.put('refused');
    take(outbox, 1000);
    outbox.failed(1000, 0);
    take(outbox, 4000);
    outbox.failed(4000, 0);
    expect(send(11_000)).toBe(true);
    expect([11_100, 11_499, 11_500, 11_900, 12_000, 20_999, 21_100, 21_500, 21_501].map(send)).toEqual([false, false, true, false, true, true, false, true, true]);
  });

  it('keeps groups within their bounds, but sends an item that alone is larger', () => {
    expect(take(filled('aa', 'bb', 'cc'), 0, 2)).toEqual(['aa', 'bb']);
    expect(take(filled('aa', 'bb', 'cc'), 0, 10, 5)).toEqual(['aa', 'bb']);
    expect(take(filled('aaaaaaaa', 'b'), 0, 10, 5)).toEqual(['aaaaaaaa']);
  });

  it('counts what is queued and what is under way as pending until the ack', () => {
    const outbox = filled('a', 'b', 'c');
    take(outbox, 0, 2);
    expect(outbox.pending).toBe(3);
    outbox.failed(0, 0);
    expect(outbox.pending).toBe(3);
    take(outbox, 1e9);
    outbox.acked(0);
    expect(outbox.pending).toBe(1);
  });
});
