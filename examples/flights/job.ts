import { departureV2, type DepartureV2 } from '../../schemas/flights.Departure/payload.generated.ts';
import { dead, defineJob, type JobDefinition } from '../../shared/index.ts';
import { NO_DEPARTURES, takeIn } from './delayStatistics.ts';
import { runOf } from './jobId.ts';
import { plannedFailures } from './plannedFailures.ts';
import type { Attempt, Witness, WitnessLine } from './witness.ts';

/** What the handler throws where {@link plannedFailures} says so; retried, like any error that is not marked permanent. */
export class TowerDidNotAnswer extends Error {
  override readonly name = 'TowerDidNotAnswer';
}

/**
 * Brings an airport's delay statistics up to date with one more departure. Jobs of one airport run in order, so the handler may read,
 * compute and write without a lock. A job that is repeated after a crash finds its effect there already and adds nothing.
 */
export function defineRecordDeparture(queue: string, witness: Witness): JobDefinition<'flight.recordDeparture', DepartureV2> {
  return defineJob({
    kind: 'flight.recordDeparture',
    queue,
    schema: departureV2,
    key: (departure) => departure.origin,
    retry: { attempts: 5, backoff: { first: '200ms', factor: 2, max: '2s', jitter: 0.5 } },
    timeout: '10s',
    async handle(departure, { id, attempt, fence }) {
      const run = runOf(id);
      const self: Attempt = { airport: departure.origin, sequence: departure.sequence, attempt, fence };
      const record = (line: WitnessLine): Promise<void> => witness.record(run, line);

      await record({ at: 'start', ...self });
      if (departure.origin === departure.destination) {
        await record({ at: 'end', outcome: 'dead', ...self });
        return dead(`a flight from ${departure.origin} to itself`);
      }
      if (attempt <= plannedFailures(departure)) {
        await record({ at: 'end', outcome: 'failed', ...self });
        throw new TowerDidNotAnswer(`the tower of ${departure.origin} did not answer`);
      }
      const latest = await witness.latest(run, departure.origin);
      if (latest === undefined || latest.sequence < departure.sequence) {
        await record({ at: 'effect', statistics: takeIn(latest?.statistics ?? NO_DEPARTURES, departure.delay), ...self });
      }
      await record({ at: 'end', outcome: 'done', ...self });
    },
  });
}
