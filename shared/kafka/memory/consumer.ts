import { MillraceError } from '../../errors/MillraceError.ts';
import type { Broker, CommittedPosition, Consumer, ConsumerListener, ConsumerOptions, PartitionGrant } from '../port.ts';
import { createCommitter } from './committer.ts';
import { createFetcher, type Fetcher } from './fetcher.ts';
import type { Ownership } from './group.ts';
import type { Liveness } from './liveness.ts';
import type { World } from './world.ts';

interface Holding {
  readonly ownership: Ownership;
  readonly fetchers: ReadonlyMap<string, Fetcher>;
  /** The listener was told; the coordinator's own mark may be ahead of that. */
  revoking: boolean;
}

type State = 'new' | 'joining' | 'member' | 'closing' | 'closed';

/** One member of a group. See the port for the promises; the coordinator's half is in `group.ts`. */
export function createMemoryConsumer(world: World, broker: Broker, liveness: Liveness, options: ConsumerOptions, listener: ConsumerListener): Consumer {
  const group = world.group(options.group);
  const holdings = new Map<number, Holding>();
  const revocations = new Set<Promise<void>>();
  let state: State = 'new';
  let memberId: string | null = null;
  /** It gave its membership up by itself, for want of answers. */
  let expired = false;
  let started: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  let closing: Promise<void> | null = null;
  let lastHeardMs = world.clock.now();

  const report = (error: unknown): void => { listener.trouble(error instanceof Error ? error : new Error(String(error))); };
  const guard = (call: () => void): void => {
    try { call(); } catch (error) { report(error); }
  };

  /** Returns those of `ownerships` that were still held. */
  const drop = (ownerships: Iterable<Ownership>): number[] => {
    const dropped: number[] = [];
    for (const one of ownerships) {
      const holding = holdings.get(one.partition);
      if (holding?.ownership !== one) continue;
      holdings.delete(one.partition);
      for (const fetcher of holding.fetchers.values()) fetcher.stop();
      dropped.push(one.partition);
    }
    return dropped;
  };

  const take = (ownership: Ownership): PartitionGrant => {
    const { partition } = ownership;
    const committed: Record<string, CommittedPosition | null> = {};
    const log: Record<string, { startOffset: number; endOffset: number }> = {};
    const fetchers = new Map<string, Fetcher>();
    for (const topic of options.topics) {
      const bounds = world.topics.log(topic, partition);
      committed[topic] = group.committed(topic, partition);
      log[topic] = { startOffset: bounds.startOffset(), endOffset: bounds.endOffset() };
      fetchers.set(topic, createFetcher({
        world, liveness, group: options.group, clientId: options.clientId, topic, partition,
        maxBytes: options.maxBytesPerPartition, deliver: (batch) => { guard(() => { listener.fetched(batch); }); },
      }));
    }
    holdings.set(partition, { ownership, fetchers, revoking: false });
    return { partition, committed, log };
  };

  /** Calls `revoked` and resolves when these partitions are nobody's: the promise settled, or it took too long and they are lost. */
  const revoke = (ownerships: readonly Ownership[]): Promise<void> => {
    for (const { partition } of ownerships) {
      const holding = holdings.get(partition);
      if (holding !== undefined) holding.revoking = true;
    }
    const revocation = new Promise<void>((resolve) => {
      const finish = (inTime: boolean): void => {
        stopTimer();
        const dropped = drop(ownerships);
        if (!inTime && dropped.length > 0) guard(() => { listener.lost(dropped); });
        resolve();
      };
      const stopTimer = world.clock.after(options.revokeTimeoutMs, () => { liveness.inProcess(() => { finish(false); }); });
      const tell = async (): Promise<void> => { await listener.revoked(ownerships.map((one) => one.partition)); };
      tell().catch(report).finally(() => { liveness.inProcess(() => { finish(true); }); });
    });
    revocations.add(revocation);
    return revocation.finally(() => revocations.delete(revocation));
  };

  const rejoin = (): void => {
    memberId = null;
    const lost = drop([...holdings.values()].map((holding) => holding.ownership));
    if (lost.length > 0) guard(() => { listener.lost(lost); });
    if (state !== 'closing') join();
  };

  const join = (): void => {
    const mine = group.join({
      clientId: options.clientId,
      kinds: options.kinds ?? null,
      sessionTimeoutMs: options.sessionTimeoutMs,
      partitionCount: world.topics.get(options.topics[0] as string).logs.length,
      synced: (granted) => {
        liveness.fromBroker(() => {
          if (memberId !== mine || state === 'closing') return;
          const grants = granted.map(take);
          if (grants.length > 0) guard(() => { listener.assigned(grants); });
          state = 'member';
          started?.resolve();
        });
      },
      revoke: (ownerships) => {
        liveness.fromBroker(() => {
          if (memberId !== mine || state === 'closing') return;
          void revoke(ownerships).then(() => { group.release(mine, ownerships); });
        });
      },
      // The next heartbeat's answer tells it.
      expelled: () => { world.clock.after(world.latencyMs('heartbeat'), () => { liveness.fromBroker(() => { if (memberId === mine) rejoin(); }); }); },
    });
    memberId = mine;
    if (liveness.state() !== 'awake') group.silence(mine);
  };

  /** Unheard for a session, it must take it that others own its partitions; it joins again when it is heard. */
  const expireIfUnheard = (mine: string): void => {
    world.clock.after(options.sessionTimeoutMs, () => {
      liveness.inProcess(() => {
        if (memberId !== mine || liveness.state() !== 'disconnected') return;
        expired = true;
        memberId = null;
        const lost = drop([...holdings.values()].map((holding) => holding.ownership));
        if (lost.length > 0) guard(() => { listener.lost(lost); });
      });
    });
  };

  liveness.onChange((now) => {
    if (now !== 'awake') lastHeardMs = world.clock.now();
    if (now === 'awake' && expired) {
      expired = false;
      if (state !== 'closing' && state !== 'closed') join();
      return;
    }
    if (memberId === null) return;
    if (now === 'awake') group.heard(memberId);
    else {
      if (now === 'disconnected') expireIfUnheard(memberId);
      group.silence(memberId);
    }
  });

  const committer = createCommitter({ world, liveness, clientId: options.clientId, groupName: options.group, group });
  world.clients.push({ broker, clientId: options.clientId, liveness, memberId: () => memberId });

  const leave = async (): Promise<void> => {
    const before = state;
    state = 'closing';
    if (before === 'new') return;
    if (memberId !== null) group.retire(memberId);
    started?.reject(notRunning('start', 'closing'));
    await Promise.resolve(); // The listener is never called within a call of ours.
    const held = [...holdings.values()].filter((holding) => !holding.revoking).map((holding) => holding.ownership);
    if (held.length > 0) void revoke(held);
    await Promise.all(revocations);
    await new Promise<void>((resolve) => { world.clock.after(world.latencyMs('join'), () => { liveness.inProcess(resolve); }); });
    // Cut off from the coordinator, nobody hears the goodbye: then the session runs out.
    if (memberId !== null && liveness.state() === 'awake') group.leave(memberId);
    memberId = null;
  };

  return {
    async start() {
      if (state !== 'new') throw notRunning('start', state);
      state = 'joining';
      await new Promise<void>((resolve) => { world.clock.after(world.latencyMs('join'), () => { liveness.fromBroker(resolve); }); });
      checkTopics(world, options.topics);
      await new Promise<void>((resolve, reject) => {
        if (state === 'joining') {
          started = { resolve, reject };
          join();
        } else reject(notRunning('start', state));
      });
    },
    resume(topic, partition, offset) { holdings.get(partition)?.fetchers.get(topic)?.resume(offset); },
    pause(topic, partition) { holdings.get(partition)?.fetchers.get(topic)?.pause(); },
    commit: (commits) => committer.commit(memberId, commits, commits.map(({ partition }) => holdings.get(partition)?.ownership)),
    lastSeen() {
      const coordinatorMs = liveness.state() === 'awake' ? world.clock.now() : lastHeardMs;
      let fetchMs = coordinatorMs;
      for (const { fetchers } of holdings.values()) for (const fetcher of fetchers.values()) fetchMs = Math.min(fetchMs, fetcher.stalledSinceMs() ?? fetchMs);
      return { coordinatorMs, fetchMs };
    },
    close() {
      closing ??= leave().then(() => { state = 'closed'; });
      return closing;
    },
  };
}

function notRunning(at: string, got: State): MillraceError {
  return new MillraceError('NOT_RUNNING', { at, expected: 'a new consumer, started once', got });
}

function checkTopics(world: World, topics: readonly string[]): void {
  const counts = topics.map((topic) => world.topics.get(topic).logs.length);
  if (new Set(counts).size > 1) throw new MillraceError('TOPIC_DRIFT', { expected: 'equal partition numbers', got: topics.map((topic, at) => `${topic}: ${counts[at]}`).join(', ') });
}
