import type { Registry } from '../../shared/avro/registry.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../shared/testing/index.ts';

/** How the one registry is doing, for all processes. */
export interface RegistryState {
  mode: 'well' | 'down' | 'slow' | 'hanging';
  /** Times of the requests that reached it, ms. */
  readonly requestsAtMs: number[];
}

/** Gives each process its own connection to one registry in memory: over its own clock, so that a frozen or killed one hears nothing. */
export function createSimulatedRegistry(): { readonly state: RegistryState; connect(clock: Clock): Registry } {
  const registry = createMemoryRegistry();
  const state: RegistryState = { mode: 'well', requestsAtMs: [] };
  const latency = { well: 2, down: 1, slow: 700, hanging: 3000 };
  const connect = (clock: Clock): Registry => {
    const over = <T>(answer: () => Promise<T>): Promise<T> => new Promise((resolve, reject) => {
      const { mode } = state;
      state.requestsAtMs.push(clock.monotonic());
      clock.after(latency[mode], () => {
        if (mode === 'well' || mode === 'slow') answer().then(resolve, reject);
        else reject(new MillraceError('REGISTRY_UNAVAILABLE', { at: 'simulated registry', got: mode }));
      });
    });
    return {
      schemaById: (id) => over(() => registry.schemaById(id)),
      register: (subject, schema) => over(() => registry.register(subject, schema)),
      isCompatible: (subject, schema) => over(() => registry.isCompatible(subject, schema)),
      latest: (subject) => over(() => registry.latest(subject)),
    };
  };
  return { state, connect };
}
