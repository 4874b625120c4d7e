/** What a member says when it joins. */
export interface MemberClaim {
  readonly memberId: string;
  /** Partition numbers it owns (also those it is draining), as of {@link generation}. */
  readonly owned: readonly number[];
  /** The last generation in which the group confirmed what it owns; -1: none. */
  readonly generation: number;
  /** It is about to leave: what it owns it drains, and it gets nothing more. */
  readonly retiring: boolean;
}

export interface MemberShare {
  /** What the member owns from now on, ascending. */
  readonly partitions: readonly number[];
  /** What it claimed in vain: a later generation gave it to somebody else. It must treat these as lost, not drain them. */
  readonly voided: readonly number[];
}

/**
 * Shares partition numbers among the members of a group: balanced within one, with the fewest moves, and cooperative over a
 * protocol that is not. A partition that should move away from an owner is given to nobody in this round; the owner sees it
 * missing, drains it and joins again, and then it goes to its new owner. So nobody ever gets what another still runs.
 *
 * A partition claimed twice belongs to the claim of the later generation. Two claims of one generation cannot both be true, and
 * which one is cannot be known: it is withheld until both owners let go.
 */
export function assignPartitions(partitionCount: number, members: readonly MemberClaim[]): Map<string, MemberShare> {
  const order = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const { owners, withheld, voided } = resolveClaims(partitionCount, order);

  const held = new Map<string, number[]>(order.map((member) => [member.memberId, []]));
  for (const [partition, memberId] of owners) held.get(memberId)?.push(partition);

  // Whoever holds most keeps most: the larger quotas go there first, which is what makes the moves fewest.
  const bySize = [...order].sort((a, b) => (held.get(b.memberId)?.length ?? 0) - (held.get(a.memberId)?.length ?? 0));
  const heirs = bySize.filter((member) => !member.retiring);
  const base = heirs.length === 0 ? 0 : Math.floor(partitionCount / heirs.length);
  const larger = heirs.length === 0 ? 0 : partitionCount % heirs.length;
  const quotas = new Map(heirs.map((member, index) => [member.memberId, base + (index < larger ? 1 : 0)]));

  const kept = new Map<string, number[]>();
  for (const [memberId, partitions] of held) kept.set(memberId, partitions.slice(0, quotas.get(memberId) ?? 0));

  const free: number[] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    if (!owners.has(partition) && !withheld.has(partition)) free.push(partition);
  }
  for (const partition of free) {
    const neediest = heirs
      .map(({ memberId }) => ({ mine: kept.get(memberId) ?? [], room: (quotas.get(memberId) ?? 0) - (kept.get(memberId)?.length ?? 0) }))
      .reduce((best, one) => (one.room > best.room ? one : best), { mine: [] as number[], room: 0 });
    neediest.mine.push(partition);
  }
  return new Map(order.map(({ memberId }) => [memberId, {
    partitions: (kept.get(memberId) ?? []).sort((a, b) => a - b),
    voided: voided.get(memberId) ?? [],
  }]));
}

function resolveClaims(partitionCount: number, members: readonly MemberClaim[]): { owners: Map<number, string>; withheld: Set<number>; voided: Map<string, number[]> } {
  const owners = new Map<number, string>();
  const withheld = new Set<number>();
  const voided = new Map<string, number[]>();
  for (let partition = 0; partition < partitionCount; partition++) {
    const claims = members.filter((member) => member.owned.includes(partition));
    if (claims.length === 0) continue;
    const latest = Math.max(...claims.map((claim) => claim.generation));
    const [first, second] = claims.filter((claim) => claim.generation === latest);
    if (first !== undefined && second === undefined) owners.set(partition, first.memberId);
    else withheld.add(partition);
    for (const claim of claims) if (claim.generation < latest) voided.set(claim.memberId, [...(voided.get(claim.memberId) ?? []), partition]);
  }
  return { owners, withheld, voided };
}
