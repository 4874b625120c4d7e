import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions, type MemberClaim, type MemberShare } from '../../../../shared/kafka/kafkajs/group/assignPartitions.ts';

const member = (memberId: string, owned: number[] = [], generation = 1): MemberClaim => ({ memberId, owned, generation, retiring: false });
const partitionsOf = (shares: Map<string, MemberShare>): Record<string, readonly number[]> => Object.fromEntries([...shares].map(([id, share]) => [id, share.partitions]));

/** What the members do with their shares: keep what stays, let go what is missing, take what is new, and join again. */
function nextClaims(shares: Map<string, MemberShare>, generation: number): MemberClaim[] {
  return [...shares].map(([memberId, share]) => ({ memberId, owned: share.partitions, generation, retiring: false }));
}

const cases: { what: string; count: number; members: MemberClaim[]; shares: Record<string, number[]> }[] = [
  { what: 'a lone member gets everything', count: 3, members: [member('a')], shares: { a: [0, 1, 2] } },
  { what: 'newcomers to an unowned topic share it at once', count: 5, members: [member('a'), member('b')], shares: { a: [0, 1, 3], b: [2, 4] } },
  { what: 'what a newcomer should get is withheld from everybody first', count: 6, members: [member('a', [0, 1, 2, 3, 4, 5]), member('b')], shares: { a: [0, 1, 2], b: [] } },
  { what: 'and is given in the next round', count: 6, members: [member('a', [0, 1, 2]), member('b')], shares: { a: [0, 1, 2], b: [3, 4, 5] } },
  { what: 'what a dead member left goes to the survivors, who keep theirs', count: 6, members: [member('a', [0, 3]), member('c', [2, 5])], shares: { a: [0, 1, 3], c: [2, 4, 5] } },
  { what: 'a balance within one is left as it is, whoever holds more', count: 5, members: [member('a', [1, 2]), member('b', [0, 3, 4])], shares: { a: [1, 2], b: [0, 3, 4] } },
  { what: 'more members than partitions leave some empty-handed', count: 1, members: [member('a'), member('b', [0])], shares: { a: [], b: [0] } },
  { what: 'claims of partitions that do not exist are ignored', count: 1, members: [member('a', [0, 7])], shares: { a: [0] } },
  { what: 'what a third left goes to the one that stays, not to the one that is about to leave too', count: 6, members: [{ ...member('a', [0, 1]), retiring: true }, member('b', [2, 3])], shares: { a: [], b: [2, 3, 4, 5] } },
  { what: 'where all are about to leave nobody gets anything', count: 2, members: [{ ...member('a', [0]), retiring: true }], shares: { a: [] } },
  { what: 'no members, no shares', count: 3, members: [], shares: {} },
];

describe('assignPartitions', () => {
  it.each(cases)('$what', ({ count, members, shares }) => {
    expect(partitionsOf(assignPartitions(count, members))).toEqual(shares);
  });

  it('lets the claim of the older generation lose, and tells the loser which were taken from it', () => {
    const shares = assignPartitions(3, [member('stale', [0, 1], 4), member('fresh', [1, 2], 7)]);
    expect(shares.get('fresh')).toEqual({ partitions: [1, 2], voided: [] });
    expect(shares.get('stale')).toEqual({ partitions: [0], voided: [1] });
  });

  it('gives a partition that two members claim for the same generation to neither, until they let go', () => {
    const first = assignPartitions(2, [member('a', [0], 3), member('b', [0], 3)]);
    expect([...first.values()].flatMap(({ partitions }) => partitions)).toEqual([1]);
    const second = assignPartitions(2, nextClaims(first, 4));
    expect([...second.values()].flatMap(({ partitions }) => partitions).sort()).toEqual([0, 1]);
  });

  const groups = fc.record({
    count: fc.integer({ min: 0, max: 24 }),
    claims: fc.array(fc.record({ owned: fc.uniqueArray(fc.integer({ min: 0, max: 27 }), { maxLength: 10 }), generation: fc.integer({ min: -1, max: 3 }) }), { minLength: 1, maxLength: 8 }),
  }).map(({ count, claims }) => ({ count, members: claims.map(({ owned, generation }, index) => member(`m${index}`, owned, generation)) }));

  it('never gives a partition twice, nor one that somebody else rightly claims, whatever the claims', () => {
    fc.assert(fc.property(groups, ({ count, members }) => {
      const given = new Map<number, string>();
      for (const [memberId, { partitions }] of assignPartitions(count, members)) {
        for (const partition of partitions) {
          expect(given.get(partition), `partition ${partition}`).toBeUndefined();
          expect(partition).toBeLessThan(count);
          given.set(partition, memberId);
          const latest = Math.max(-2, ...members.filter(({ owned }) => owned.includes(partition)).map(({ generation }) => generation));
          const rightful = members.filter(({ owned, generation }) => owned.includes(partition) && generation === latest);
          if (rightful.length > 0) expect(rightful.map((one) => one.memberId)).toEqual([memberId]);
        }
      }
    }));
  });

  it('gives everything away, balanced within one, by the second round at the latest; disputes need a third', () => {
    fc.assert(fc.property(groups, ({ count, members }) => {
      const disputed = members.some((a) => members.some((b) => a !== b && a.owned.some((partition) => b.owned.includes(partition))));
      let shares = assignPartitions(count, members);
      for (let round = 2; round <= (disputed ? 3 : 2); round++) shares = assignPartitions(count, nextClaims(shares, round + 10));
      const sizes = [...shares.values()].map(({ partitions }) => partitions.length);
      expect([...shares.values()].flatMap(({ partitions }) => partitions).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, partition) => partition));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(partitionsOf(assignPartitions(count, nextClaims(shares, 99))), 'a group at rest stays at rest').toEqual(partitionsOf(shares));
    }));
  });

  it('moves no partition that need not move: exactly the surplus over an even share', () => {
    const owners = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 24 });
    fc.assert(fc.property(owners, fc.integer({ min: 1, max: 6 }), (ownerOf, size) => {
      const members = Array.from({ length: size }, (_, index) => member(`m${index}`, ownerOf.flatMap((owner, partition) => (owner === index ? [partition] : []))));
      const shares = assignPartitions(ownerOf.length, members);
      const moved = members.reduce((sum, { memberId, owned }) => sum + owned.filter((partition) => !shares.get(memberId)?.partitions.includes(partition)).length, 0);
      const sizes = members.map(({ owned }) => owned.length).sort((a, b) => b - a);
      const base = Math.floor(ownerOf.length / size);
      const larger = ownerOf.length % size;
      expect(moved).toBe(sizes.reduce((sum, held, index) => sum + Math.max(0, held - base - (index < larger ? 1 : 0)), 0));
    }));
  });
});
