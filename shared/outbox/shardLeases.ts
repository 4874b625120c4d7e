import type { Session } from '../database/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { SHARD_COUNT, WAKE_CHANNEL } from './outboxTables.ts';
import { shareShards } from './shareShards.ts';

/** A shard that this relay holds. */
export interface HeldShard {
  readonly shard: number;
  /** Rises with each claim: what was read under an older one counts no more. */
  readonly epoch: number;
}

export interface ShardLeaseOptions {
  readonly session: Session;
  /** Differs from process to process, and from start to start. */
  readonly relayId: string;
  /** A relay that says nothing for so long has lost its shards. */
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Shards came or went. */
  readonly changed: () => void;
  /** A shard that is to be given back is worked on no more: {@link ShardLeases.renew} can do so. */
  readonly freed: () => void;
}

/**
 * Which shards this relay may relay. A lease ends by the database's clock; here it counts from before it was asked for, by the monotonic clock, so that it
 * ends here earlier than there. Needs no session of its own: a pooler in front of the database may hand out connections as it likes.
 */
export interface ShardLeases {
  /** Tells the others that this relay lives, renews what it holds, takes its share of what is free, gives back what is above it. */
  renew(): Promise<void>;
  /** Those held, by the local clock, that are not to be given back. */
  held(): HeldShard[];
  isHeld(held: HeldShard): boolean;
  /** Between these a shard is worked on, and not given back. */
  enter(held: readonly HeldShard[]): void;
  leave(held: readonly HeldShard[]): void;
  /** Gives everything back, and leaves the others' count. */
  close(): Promise<void>;
}

interface Lease extends HeldShard {
  /** Monotonic ms. */
  untilMs: number;
  giveBack: boolean;
}

export function createShardLeases({ session, relayId, leaseMs, clock, changed, freed }: ShardLeaseOptions): ShardLeases {
  const leases = new Map<number, Lease>();
  const busy = new Map<number, number>();
  let closed = false;

  /** One statement: a process that freezes within it leaves nothing locked. */
  const beat = async (): Promise<{ relays: string[]; free: number[] }> => {
    const sentMs = clock.monotonic();
    const { rows } = await session.query<{ relays: string[]; free: number[]; shards: number[]; epochs: number[] }>(
      `with me as (
         insert into millrace_outbox_relay (id, seen_at) values ($1, clock_timestamp())
         on conflict (id) do update set seen_at = excluded.seen_at returning id, joined_at
       ), gone as (
         delete from millrace_outbox_relay where id <> $1 and seen_at < clock_timestamp() - $2 * interval '1 ms'
       ), renewed as (
         update millrace_outbox_shard set lease_until = clock_timestamp() + $2 * interval '1 ms' where holder = $1 returning shard, epoch
       )
       select
         array(select id from (select id, joined_at from me union all select id, joined_at from millrace_outbox_relay where id <> $1 and seen_at >= clock_timestamp() - $2 * interval '1 ms') r order by joined_at, id) as relays,
         array(select shard::integer from millrace_outbox_shard where holder is distinct from $1 and (holder is null or lease_until < clock_timestamp())) as free,
         array(select shard::integer from renewed order by shard) as shards, array(select epoch from renewed order by shard) as epochs`,
      [relayId, leaseMs],
    );
    const [row] = rows;
    if (row === undefined) return { relays: [relayId], free: [] };
    keep(row.shards.map((shard, index) => ({ shard, epoch: row.epochs[index] ?? 0 })), sentMs);
    for (const shard of leases.keys()) if (!row.shards.includes(shard)) forget(shard);
    return row;
  };
  const keep = (shards: readonly HeldShard[], sentMs: number): void => {
    for (const { shard, epoch } of shards) {
      const known = leases.get(shard);
      const lease = known?.epoch === epoch ? known : { shard, epoch, untilMs: 0, giveBack: false };
      lease.untilMs = sentMs + leaseMs;
      leases.set(shard, lease);
      if (lease !== known) changed();
    }
  };
  const forget = (shard: number): void => {
    if (leases.delete(shard)) changed();
  };
  const claim = async (shards: readonly number[]): Promise<void> => {
    const sentMs = clock.monotonic();
    const { rows } = await session.query<HeldShard>(
      // What a frozen relay's transaction still locks is left for the next time; the server ends such a transaction by itself.
      `update millrace_outbox_shard set holder = $1, epoch = epoch + 1, lease_until = clock_timestamp() + $2 * interval '1 ms' where shard in (
         select shard from millrace_outbox_shard
         where shard = any($3::smallint[]) and holder is distinct from $1 and (holder is null or lease_until < clock_timestamp()) for update skip locked
       ) returning shard, epoch`,
      [relayId, leaseMs, shards],
    );
    keep(rows, sentMs);
  };
  const giveBack = async (shards: readonly number[]): Promise<void> => {
    for (const shard of shards) forget(shard);
    await session.query(
      `with back as (update millrace_outbox_shard set holder = null where holder = $1 and shard = any($2::smallint[]) returning shard) select pg_notify('${WAKE_CHANNEL}', '') from back limit 1`,
      [relayId, shards],
    );
  };

  return {
    async renew() {
      if (closed) return;
      const { relays, free } = await beat();
      const plan = shareShards({ relays, me: relayId, held: [...leases.keys()], free, shardCount: SHARD_COUNT });
      for (const lease of leases.values()) lease.giveBack = plan.release.includes(lease.shard);
      if (plan.claim.length > 0 && !closed) await claim(plan.claim);
      const idle = plan.release.filter((shard) => (busy.get(shard) ?? 0) === 0);
      if (idle.length > 0) await giveBack(idle);
    },
    held: () => [...leases.values()].filter((lease) => !lease.giveBack && clock.monotonic() < lease.untilMs).map(({ shard, epoch }) => ({ shard, epoch })),
    isHeld({ shard, epoch }) {
      const lease = leases.get(shard);
      return lease !== undefined && lease.epoch === epoch && clock.monotonic() < lease.untilMs;
    },
    enter(held) {
      for (const { shard } of held) busy.set(shard, (busy.get(shard) ?? 0) + 1);
    },
    leave(held) {
      for (const { shard } of held) busy.set(shard, (busy.get(shard) ?? 1) - 1);
      if (held.some(({ shard }) => leases.get(shard)?.giveBack === true)) freed();
    },
    async close() {
      closed = true;
      for (const shard of leases.keys()) forget(shard);
      await session.query(
        `with gone as (delete from millrace_outbox_relay where id = $1), back as (update millrace_outbox_shard set holder = null where holder = $1)
         select pg_notify('${WAKE_CHANNEL}', '')`,
        [relayId],
      );
    },
  };
}
