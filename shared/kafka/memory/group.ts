import { MillraceError } from '../../errors/MillraceError.ts';
import type { CommittedPosition, PartitionCommit } from '../port.ts';
import { assignSticky } from './assignSticky.ts';
import type { World } from './world.ts';

/** One stretch of owning a partition number. Its identity fences: after the stretch the object is nobody's. */
export interface Ownership {
  readonly partition: number;
  revoking: boolean;
}

/** The client's side of a membership, as the coordinator talks to it. */
export interface MemberClient {
  readonly clientId: string;
  readonly kinds: readonly string[] | null;
  readonly sessionTimeoutMs: number;
  readonly partitionCount: number;
  /** After each completed rebalance, with what is new (often nothing). */
  synced(granted: readonly Ownership[]): void;
  revoke(ownerships: readonly Ownership[]): void;
  /** The coordinator has forgotten this member. */
  expelled(): void;
}

export type GroupPhase = 'empty' | 'preparing' | 'completing' | 'stable';

export interface GroupDescription {
  readonly generation: number;
  readonly phase: GroupPhase;
  readonly members: readonly { readonly memberId: string; readonly clientId: string; readonly kinds: readonly string[] | null; readonly partitions: readonly number[]; readonly revoking: readonly number[] }[];
}

/** A group's coordinator: Kafka's classic protocol, with an assignor that hands over cooperatively (KIP-429's idea). */
export interface Group {
  /** Returns the member id. */
  join(client: MemberClient): string;
  leave(memberId: string): void;
  /** The member wants no more partitions; it is about to leave. */
  retire(memberId: string): void;
  /** The member let go of these; the next rebalance hands them on. */
  release(memberId: string, ownerships: readonly Ownership[]): void;
  /** No sign of life from now on: expelled after its session timeout, and no rebalance completes before. */
  silence(memberId: string): void;
  heard(memberId: string): void;
  expel(memberId: string): void;
  generation(): number;
  /** All or nothing. @throws MillraceError BROKER_FENCED, BROKER_REBALANCING */
  commit(memberId: string, generation: number, ownerships: readonly Ownership[], commits: readonly PartitionCommit[]): void;
  committed(topic: string, partition: number): CommittedPosition | null;
  /** In the place of members. @throws MillraceError GROUP_IN_USE */
  setCommitted(commits: readonly PartitionCommit[]): void;
  /** Deletes what is committed for a topic, as Kafka does when the topic is deleted. */
  forget(topic: string): void;
  describe(): GroupDescription;
}

interface Member {
  readonly id: string;
  readonly client: MemberClient;
  readonly owned: Set<Ownership>;
  retiring: boolean;
  stopSessionTimer: (() => void) | null;
}

export function createGroup(world: World, name: string): Group {
  const members = new Map<string, Member>();
  const positions = new Map<string, CommittedPosition>();
  let generation = 0;
  let phase: GroupPhase = 'empty';
  let joined = 0;
  /** Identifies the rebalance under way, so that one that was overtaken does nothing when its time comes. */
  let rebalance = {};
  let everybodyAsked = false;

  const requestRebalance = (): void => {
    if (members.size === 0) phase = 'empty';
    if (phase === 'preparing' || members.size === 0) return;
    phase = 'preparing';
    everybodyAsked = false;
    const mine = (rebalance = {});
    world.clock.after(world.latencyMs('join'), () => {
      if (mine !== rebalance) return;
      everybodyAsked = true;
      completeIfAllJoined();
    });
  };

  const completeIfAllJoined = (): void => {
    if (phase !== 'preparing' || !everybodyAsked) return;
    for (const member of members.values()) if (member.stopSessionTimer !== null) return;
    phase = 'completing';
    generation += 1;
    const mine = rebalance;
    world.clock.after(world.latencyMs('sync'), () => {
      if (mine !== rebalance || phase !== 'completing') return;
      phase = 'stable';
      handOver();
    });
  };

  const handOver = (): void => {
    const heirs = [...members.values()].filter((member) => !member.retiring);
    const count = Math.max(0, ...heirs.map((member) => member.client.partitionCount));
    const target = assignSticky(count, heirs.map(({ id, owned }) => ({ id, partitions: [...owned].filter((one) => !one.revoking).map((one) => one.partition) })));
    const taken = new Set<number>();
    for (const { owned } of members.values()) for (const { partition } of owned) taken.add(partition);
    // Decide for all before telling anyone: what a listener does must not change the decision.
    const tell = heirs.map((member) => {
      const wanted = new Set(target.get(member.id));
      const going = [...member.owned].filter((one) => !one.revoking && !wanted.has(one.partition));
      const granted = [...wanted].filter((partition) => !taken.has(partition)).sort((a, b) => a - b).map((partition) => ({ partition, revoking: false }));
      for (const one of going) one.revoking = true;
      for (const one of granted) member.owned.add(one);
      return { member, going, granted };
    });
    for (const { member, going, granted } of tell) {
      if (going.length > 0) member.client.revoke(going);
      member.client.synced(granted);
    }
  };

  const remove = (memberId: string): Member | undefined => {
    const member = members.get(memberId);
    member?.stopSessionTimer?.();
    if (!members.delete(memberId)) return undefined;
    // A rebalance that waits for answers goes on without this member; any other state needs a new one.
    if (members.size > 0 && phase === 'preparing') completeIfAllJoined();
    else requestRebalance();
    return member;
  };

  const expel = (memberId: string): void => { remove(memberId)?.client.expelled(); };

  return {
    join(client) {
      joined += 1;
      const id = `${client.clientId}-${joined}`;
      members.set(id, { id, client, owned: new Set(), retiring: false, stopSessionTimer: null });
      requestRebalance();
      return id;
    },
    leave: (memberId) => { remove(memberId); },
    retire(memberId) {
      const member = members.get(memberId);
      if (member !== undefined) member.retiring = true;
    },
    release(memberId, ownerships) {
      const member = members.get(memberId);
      if (member === undefined) return;
      let released = false;
      for (const one of ownerships) released = member.owned.delete(one) || released;
      if (released && !member.retiring) requestRebalance();
    },
    silence(memberId) {
      const member = members.get(memberId);
      if (member === undefined || member.stopSessionTimer !== null) return;
      member.stopSessionTimer = world.clock.after(member.client.sessionTimeoutMs, () => { expel(memberId); });
    },
    heard(memberId) {
      const member = members.get(memberId);
      member?.stopSessionTimer?.();
      if (member !== undefined) member.stopSessionTimer = null;
      completeIfAllJoined();
    },
    expel,
    generation: () => generation,
    commit(memberId, committedIn, ownerships, commits) {
      const member = members.get(memberId);
      if (member === undefined || ownerships.some((one) => !member.owned.has(one))) throw new MillraceError('BROKER_FENCED', { at: `group ${name}, member ${memberId}` });
      if (phase === 'completing' || committedIn !== generation) throw new MillraceError('BROKER_REBALANCING', { at: `group ${name}` });
      for (const { partition, positions: some } of commits) for (const position of some) positions.set(`${position.topic}/${partition}`, { ...position });
      for (const watcher of world.watchers) watcher.committed?.(name, memberId, commits);
    },
    committed: (topic, partition) => positions.get(`${topic}/${partition}`) ?? null,
    setCommitted(commits) {
      if (members.size > 0) throw new MillraceError('GROUP_IN_USE', { at: name });
      for (const { partition, positions: some } of commits) for (const position of some) positions.set(`${position.topic}/${partition}`, { ...position });
    },
    forget(topic) {
      for (const [place, position] of positions) if (position.topic === topic) positions.delete(place);
    },
    describe: () => ({
      generation,
      phase,
      members: [...members.values()].map(({ id, client, owned }) => ({
        memberId: id,
        clientId: client.clientId,
        kinds: client.kinds,
        partitions: [...owned].map((one) => one.partition).sort((a, b) => a - b),
        revoking: [...owned].filter((one) => one.revoking).map((one) => one.partition).sort((a, b) => a - b),
      })),
    }),
  };
}
