/** A member and the partitions that it may keep. */
export interface Holder {
  readonly id: string;
  readonly partitions: readonly number[];
}

/**
 * Spreads partition numbers 0..count-1 evenly (sizes differ by one at most), moving as few as that allows. Members come
 * in the order in which they joined; the same input gives the same answer.
 */
export function assignSticky(count: number, members: readonly Holder[]): Map<string, number[]> {
  const result = new Map<string, number[]>();
  if (members.length === 0) return result;
  const floor = Math.floor(count / members.length);
  let larger = count % members.length;
  const free = new Set(Array.from({ length: count }, (_, partition) => partition));
  const quotas = new Map<string, number>();
  // Who holds most gets the larger shares, so that a partition need not move only to even out the remainder.
  for (const member of [...members].sort((a, b) => b.partitions.length - a.partitions.length)) {
    const quota = larger > 0 ? floor + 1 : floor;
    if (larger > 0) larger -= 1;
    const kept = [...member.partitions].sort((a, b) => a - b).slice(0, quota);
    for (const partition of kept) free.delete(partition);
    quotas.set(member.id, quota);
    result.set(member.id, kept);
  }
  const open = [...free];
  for (const { id } of members) {
    const mine = result.get(id) as number[];
    mine.push(...open.splice(0, (quotas.get(id) as number) - mine.length));
  }
  return result;
}
