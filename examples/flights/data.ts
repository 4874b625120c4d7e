import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** One row of the data set: a flight in the United States in early 2001. */
export interface Flight {
  /** Local time of departure: 2001/01/01 06:55. */
  readonly date: string;
  /** Minutes late; negative is early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  /** IATA airport code. */
  readonly origin: string;
  /** IATA airport code. */
  readonly destination: string;
}

/** How many flights there are. */
export const MAX_FLIGHTS = 20_000;

/** The first `count` flights by time of departure, from the npm package vega-datasets. */
export async function readFlights(count = MAX_FLIGHTS): Promise<Flight[]> {
  const file = fileURLToPath(new URL('../data/flights-20k.json', import.meta.resolve('vega-datasets')));
  return (JSON.parse(await readFile(file, 'utf8')) as Flight[]).slice(0, count);
}
