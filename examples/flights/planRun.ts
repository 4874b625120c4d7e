import type { DepartureV2 } from '../../schemas/flights.Departure/payload.generated.ts';
import type { BuryReason } from '../../shared/index.ts';
import type { Flight } from './data.ts';
import { departureId, spoiltId } from './jobId.ts';
import { plannedFailures } from './plannedFailures.ts';
import { spoils, type Spoil } from './spoil.ts';

/** What is fed, in this order. */
export type PlannedRecord =
  | { readonly type: 'departure'; readonly id: string; readonly payload: DepartureV2 }
  /** Sent with bytes that no worker can read. */
  | { readonly type: 'spoilt'; readonly id: string; readonly payload: DepartureV2; readonly spoil: Spoil };

/** A run, and all that must come of it: known before it starts. */
export interface RunPlan {
  readonly run: string;
  readonly records: readonly PlannedRecord[];
  /** By airport: how many jobs it gets that reach the handler. */
  readonly jobs: ReadonlyMap<string, number>;
  /** By airport: the delays that its statistics are made of. */
  readonly delays: ReadonlyMap<string, readonly number[]>;
  /** By job id. */
  readonly buried: ReadonlyMap<string, BuryReason>;
  readonly done: number;
  /** Jobs that fail at least once before they are done. */
  readonly retried: number;
}

/** Among so many flights each sort of bad record comes once. */
const FLIGHTS_PER_BAD_RECORD = 10_000;

/** Lines the flights up, numbers them by airport, and puts bad records between them, evenly. */
export function planRun(run: string, flights: readonly Flight[]): RunPlan {
  const records: PlannedRecord[] = [];
  const jobs = new Map<string, number>();
  const delays = new Map<string, number[]>();
  const buried = new Map<string, BuryReason>();
  let retried = 0;

  const number = (flight: Flight): DepartureV2 => {
    const sequence = jobs.get(flight.origin) ?? 0;
    jobs.set(flight.origin, sequence + 1);
    return { ...flight, sequence };
  };
  const addDeparture = (flight: Flight): string => {
    const payload = number(flight);
    const id = departureId(run, payload.origin, payload.sequence);
    records.push({ type: 'departure', id, payload });
    return id;
  };
  const addBad = (flight: Flight, sort: Spoil | 'to-itself'): void => {
    if (sort === 'to-itself') {
      buried.set(addDeparture({ ...flight, destination: flight.origin }), 'dead');
      return;
    }
    const id = spoiltId(run, buried.size);
    records.push({ type: 'spoilt', id, payload: { ...flight, sequence: -1 }, spoil: sort });
    buried.set(id, spoils[sort].reason);
  };

  const sorts = ['to-itself', ...(Object.keys(spoils) as Spoil[])] as const;
  const bad = Array.from({ length: Math.max(1, Math.round(flights.length / FLIGHTS_PER_BAD_RECORD)) }, () => sorts).flat();
  const every = Math.max(1, Math.floor(flights.length / bad.length));
  for (const [i, flight] of flights.entries()) {
    const sort = i % every === 0 ? bad[i / every] : undefined;
    if (sort !== undefined) addBad(flight, sort);
    addDeparture(flight);
    const ofAirport = delays.get(flight.origin);
    if (ofAirport === undefined) delays.set(flight.origin, [flight.delay]);
    else ofAirport.push(flight.delay);
    if (plannedFailures(flight) > 0) retried += 1;
  }
  return { run, records, jobs, delays, buried, done: flights.length, retried };
}
