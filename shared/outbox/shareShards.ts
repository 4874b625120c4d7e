/** What one relay sees of all. */
export interface ShardView {
  /** Relays that live, oldest first; this one among them. */
  readonly relays: readonly string[];
  readonly me: string;
  /** Shards that this relay holds. */
  readonly held: readonly number[];
  /** Shards that nobody holds, or whose holder's lease has run out. */
  readonly free: readonly number[];
  readonly shardCount: number;
}

export interface ShardPlan {
  readonly claim: readonly number[];
  readonly release: readonly number[];
}

/** Equal shares, the odd ones to the oldest; nobody gives up a shard but for being above its share. Pure. */
export function shareShards({ relays, me, held, free, shardCount }: ShardView): ShardPlan {
  const count = Math.max(1, relays.length);
  const rank = Math.max(0, relays.indexOf(me));
  const share = Math.floor(shardCount / count) + (rank < shardCount % count ? 1 : 0);
  const sorted = held.toSorted((a, b) => a - b);
  return { claim: free.filter((shard) => !held.includes(shard)).toSorted((a, b) => a - b).slice(0, Math.max(0, share - held.length)), release: sorted.slice(share) };
}
