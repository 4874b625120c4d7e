import type { Contestant, Scenario, Size } from './scenario.ts';

/** Who takes part: of a smoke enough to run all code, else everybody; of these, those whose names contain one of the texts of `only`, capitals or not. */
export async function contestantsOf(scenario: Scenario, size: Size, only: readonly string[] = []): Promise<readonly Contestant[]> {
  const all = (await scenario.contestants(size)).filter(({ name }) => size !== 'smoke' || (scenario.smoke?.includes(name) ?? true));
  return only.length === 0 ? all : all.filter(({ name }) => only.some((text) => isPartOf(name, text)));
}

export function isPartOf(name: string, text: string): boolean {
  return name.toLowerCase().includes(text.toLowerCase());
}
