import type { Broker } from '../port.ts';
import type { CommitDecision, CommitRequest, FetchDecision, FetchRequest, Hook, ProduceDecision, ProduceRequest } from './faultHooks.ts';
import type { Client, LifeState } from './liveness.ts';
import type { World } from './world.ts';

/** Whom a fault strikes: all that one `broker()` handle made (think of it as a process), or the clients of one client id or member id. */
export type Target = Broker | string;

/** What goes wrong, when, and for whom: all in the test's hands. Hooks are removed by the function that they return. */
export interface Faults {
  onProduce(hook: Hook<ProduceRequest, ProduceDecision>): () => void;
  onCommit(hook: Hook<CommitRequest, CommitDecision>): () => void;
  onFetch(hook: Hook<FetchRequest, FetchDecision>): () => void;
  /** Stops the target as SIGSTOP would: no listener is called, no call settles, no heartbeat; after the session timeout it is no member. */
  freeze(target: Target): void;
  /** Ends {@link freeze}: what it sent meanwhile goes out, what it missed arrives; if it was expelled, it learns that now. */
  thaw(target: Target): void;
  /** Cuts the network: calls reject BROKER_UNAVAILABLE, nothing arrives; the process runs on, and after a session unheard it gives up what it owned. */
  disconnect(target: Target): void;
  reconnect(target: Target): void;
  /** Ends it as SIGKILL would: nothing of it is ever called or settled again; what was on the wire lands; its session runs out. */
  kill(target: Target): void;
  /** Makes the coordinator forget the target's memberships now. It is told `lost` and joins again. */
  expel(target: Target): void;
}

export function createFaults(world: World, groups: ReadonlyMap<string, ReturnType<World['group']>>): Faults {
  const clientsOf = (target: Target): Client[] => world.clients.filter((client) =>
    typeof target === 'string' ? client.clientId === target || client.memberId() === target : client.broker === target);
  const put = (state: LifeState) => (target: Target): void => {
    for (const client of clientsOf(target)) client.liveness.set(state);
  };
  return {
    onProduce: (hook) => world.produceHooks.add(hook),
    onCommit: (hook) => world.commitHooks.add(hook),
    onFetch: (hook) => world.fetchHooks.add(hook),
    freeze: put('frozen'),
    thaw: put('awake'),
    disconnect: put('disconnected'),
    reconnect: put('awake'),
    kill: put('dead'),
    expel(target) {
      for (const client of clientsOf(target)) {
        const memberId = client.memberId();
        if (memberId !== null) for (const group of groups.values()) group.expel(memberId);
      }
    },
  };
}
