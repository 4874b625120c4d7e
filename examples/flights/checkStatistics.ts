import type { DelayStatistics } from './delayStatistics.ts';
import { recomputeStatistics, sameStatistics } from './recomputeStatistics.ts';
import type { WitnessLine } from './witness.ts';

/** An airport whose jobs arrived at something else than the data says. */
export interface Difference {
  readonly airport: string;
  /** Null: there is nothing of that airport. */
  readonly found: DelayStatistics | null;
  readonly expected: DelayStatistics | null;
}

/** Compares what the jobs left for each airport with what the delays, taken all at once, come to. */
export function checkStatistics(lines: readonly WitnessLine[], delays: ReadonlyMap<string, readonly number[]>): Difference[] {
  const found = new Map(lines.flatMap((line) => (line.at === 'effect' ? [[line.airport, line.statistics] as const] : [])));
  const airports = new Set([...delays.keys(), ...found.keys()]);
  return [...airports].flatMap((airport) => {
    const ofAirport = delays.get(airport);
    const expected = ofAirport === undefined ? null : recomputeStatistics(ofAirport);
    const left = found.get(airport) ?? null;
    return expected !== null && left !== null && sameStatistics(expected, left) ? [] : [{ airport, found: left, expected }];
  });
}
