import type { Fault } from '../fault.ts';
import type { ChaosRegistry, RegistryTrouble } from './chaosRegistry.ts';

/** What the registry's faults reach. */
export interface RegistryStage {
  readonly registry: ChaosRegistry;
}

function registryFault(name: string, trouble: RegistryTrouble, what: string): Fault<RegistryStage> {
  return {
    name,
    forMs: [3000, 25_000],
    weight: 0.5,
    begin({ registry }) {
      registry.trouble = trouble;
      return Promise.resolve({ what, heal: () => { if (registry.trouble === trouble) registry.trouble = 'none'; return Promise.resolve(); } });
    },
  };
}

/** What can happen to the schema registry, as the workers see it. */
export const registryFaults: readonly Fault<RegistryStage>[] = [
  registryFault('registry down', 'refuses', 'the registry resets every connection'),
  registryFault('registry hangs', 'hangs', 'the registry takes requests and says nothing'),
  registryFault('registry 404', 'answers 404 of a proxy', 'a proxy before the registry has lost its route: 404'),
  registryFault('registry 500', 'answers 500', 'the registry answers 500'),
  registryFault('registry slow', 'slow', 'each of the registry\'s answers takes 2 to 4 s'),
];
