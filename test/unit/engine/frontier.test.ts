import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frontier } from '../../../shared/engine/frontier.ts';

/** What the frontier must say, kept the slow way. */
interface Slow {
  readonly offsets: number[];
  readonly settled: Map<number, number>;
}

function expectSame(frontier: Frontier, slow: Slow, position: number): void {
  const unsettled = slow.offsets.findIndex((offset) => !slow.settled.has(offset));
  expect(frontier.offset).toBe(unsettled < 0 ? position : slow.offsets[unsettled]);
  const above: number[] = [];
  frontier.settledAbove((offset) => above.push(offset));
  expect(above).toEqual(unsettled < 0 ? [] : slow.offsets.slice(unsettled).filter((offset) => slow.settled.has(offset)));
}

describe('frontier', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('add' as const), gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(30_000) }) }),
    fc.record({ type: fc.constant('settle' as const), pick: fc.nat() }),
    fc.record({ type: fc.constant('commit' as const) }),
  );

  it('never passes an unsettled offset and forgets no settled one, whatever the gaps and the order of settling', () => {
    fc.assert(fc.property(fc.nat(1000), fc.array(step, { maxLength: 200 }), (start, steps) => {
      const frontier = new Frontier(start, 4);
      const slow: Slow = { offsets: [], settled: new Map() };
      const slots = new Map<number, number>();
      let position = start;
      let commit = 1;
      let committed = start;
      for (const one of steps) {
        if (one.type === 'add') {
          const offset = position + one.gap;
          slots.set(offset, frontier.add(offset, null));
          slow.offsets.push(offset);
          position = offset + 1;
          frontier.position = position;
        } else if (one.type === 'settle' && slow.offsets.length > 0) {
          const offset = slow.offsets[one.pick % slow.offsets.length] as number;
          frontier.settle(slots.get(offset) as number, commit);
          if (!slow.settled.has(offset)) slow.settled.set(offset, commit);
        } else if (one.type === 'commit') {
          commit++;
          committed = frontier.offset;
          frontier.forgetBelow(committed);
        }
        expectSame(frontier, slow, position);
        const kept = [...slots].filter(([offset]) => offset >= committed);
        expect(kept.map(([offset]) => frontier.slotOf(offset))).toEqual(kept.map(([, slot]) => slot));
        expect(kept.map(([, slot]) => frontier.settledIn(slot))).toEqual(kept.map(([offset]) => slow.settled.get(offset) ?? 0));
        expect(kept.map(([, slot]) => frontier.isSettled(slot))).toEqual(kept.map(([offset]) => slow.settled.has(offset)));
        expect(frontier.slotOf(position)).toBe(-1);
      }
    }));
  });

  it('tells offsets in a gap apart from delivered ones', () => {
    const frontier = new Frontier(0);
    frontier.add(0, null);
    frontier.add(7, null);
    expect([frontier.slotOf(0), frontier.slotOf(3), frontier.slotOf(7), frontier.slotOf(8)]).toEqual([0, -1, 1, -1]);
  });

  it('keeps the number of the first commit that carries a settlement', () => {
    const frontier = new Frontier(0);
    frontier.add(0, null);
    const slot = frontier.add(1, null);
    frontier.settle(slot, 3);
    frontier.settle(slot, 9);
    expect(frontier.settledIn(slot)).toBe(3);
  });

  it('knows a settlement as durable as soon as a tombstone proves it, though its commit is still to come', () => {
    const frontier = new Frontier(0);
    const slot = frontier.add(0, null);
    frontier.settle(slot, 7);
    frontier.settle(slot, 6);
    expect(frontier.settledIn(slot)).toBe(6);
  });
});
