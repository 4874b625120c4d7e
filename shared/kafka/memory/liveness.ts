import type { Broker } from '../port.ts';

/**
 * `frozen`: the process is stopped, nothing runs in it until it thaws. `disconnected`: it runs, but the network between it and the brokers
 * is cut. `dead`: killed; nothing runs in it ever again, but what it had put on the wire still lands.
 */
export type LifeState = 'awake' | 'frozen' | 'disconnected' | 'dead';

/** Whether one client (a producer or a consumer) can act, and what waits until it can. */
export interface Liveness {
  state(): LifeState;
  set(state: LifeState): void;
  /** Runs what the client itself would do: at once when awake or disconnected, after the thaw when frozen, never when dead. */
  inProcess(run: () => void): void;
  /** Runs what reaches the client from the brokers: at once when awake, later when frozen or disconnected, never when dead. */
  fromBroker(run: () => void): void;
  /** Told of each change. */
  onChange(run: (state: LifeState) => void): void;
}

export function createLiveness(initial: LifeState = 'awake'): Liveness {
  let state = initial;
  let waiting: { readonly run: () => void; readonly needsBroker: boolean }[] = [];
  const listeners: ((state: LifeState) => void)[] = [];

  const canRun = (needsBroker: boolean): boolean => state === 'awake' || (state === 'disconnected' && !needsBroker);
  const hand = (run: () => void, needsBroker: boolean): void => {
    if (state === 'dead') return;
    if (canRun(needsBroker) && !waiting.some((other) => other.needsBroker === needsBroker)) run();
    else waiting.push({ run, needsBroker });
  };

  return {
    state: () => state,
    set(next) {
      if (state === 'dead' || state === next) return;
      state = next;
      for (const tell of listeners) tell(state);
      if (next === 'dead') waiting = [];
      // Whatever one of them does may freeze the client again: the rest then stays.
      for (let at = waiting.findIndex((one) => canRun(one.needsBroker)); at !== -1; at = waiting.findIndex((one) => canRun(one.needsBroker))) {
        waiting.splice(at, 1)[0]?.run();
      }
    },
    inProcess: (run) => { hand(run, false); },
    fromBroker: (run) => { hand(run, true); },
    onChange: (run) => { listeners.push(run); },
  };
}

/** A connected client, as faults find it: by the broker handle that made it, its client id, or its member id. */
export interface Client {
  readonly broker: Broker;
  readonly clientId: string;
  readonly liveness: Liveness;
  readonly memberId: () => string | null;
}
