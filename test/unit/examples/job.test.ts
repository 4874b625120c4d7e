import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkStatistics } from '../../../examples/flights/checkStatistics.ts';
import { checkWitness } from '../../../examples/flights/checkWitness.ts';
import { readFlights } from '../../../examples/flights/data.ts';
import { defineRecordDeparture, TowerDidNotAnswer } from '../../../examples/flights/job.ts';
import { plannedFailures } from '../../../examples/flights/plannedFailures.ts';
import { planRun } from '../../../examples/flights/planRun.ts';
import { openWitness, readWitness } from '../../../examples/flights/witness.ts';
import type { DepartureV2 } from '../../../schemas/flights.Departure/payload.generated.ts';
import { AttemptContext, type JobLogger } from '../../../shared/jobs/jobContext.ts';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'flights-')); });
afterEach(async () => { await rm(folder, { recursive: true, force: true }); });

const silent: JobLogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const contextOf = (id: string, attempt: number, fence: number): AttemptContext =>
  new AttemptContext({ id, key: null, kind: 'k', queue: 'q', attempt, fence, enqueuedAtMs: 0, createLogger: () => silent });

/** A worker's life: its own witness over the shared folder, attempts until the job is done. */
function openWorker(fence: number) {
  const job = defineRecordDeparture('flights', openWitness(folder));
  return async (id: string, payload: DepartureV2): Promise<unknown> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await job.handle?.(payload, contextOf(id, attempt, fence));
        expect(attempt - 1).toBe(payload.origin === payload.destination ? 0 : plannedFailures(payload));
        return answer;
      } catch (error) {
        if (!(error instanceof TowerDidNotAnswer)) throw error;
      }
    }
  };
}

test('jobs in order, over two lives of the worker with a repeat between them, leave what the data says and a clean witness', async () => {
  const plan = planRun('r1', await readFlights(150));
  const departures = plan.records.filter(({ type }) => type === 'departure');
  const first = openWorker(1);
  for (const { id, payload } of departures.slice(0, 80)) await first(id, payload);
  const second = openWorker(2);
  const repeated = departures[79];
  for (const { id, payload } of repeated === undefined ? [] : [repeated, ...departures.slice(80)]) await second(id, payload);

  const lines = await readWitness(folder, 'r1');
  expect(checkWitness(lines, plan.jobs)).toMatchObject({ violations: [], repeated: 1 });
  expect(checkStatistics(lines, plan.delays)).toEqual([]);
});

test('runs are kept apart', async () => {
  const [flight] = await readFlights(1);
  const payload = { ...flight, sequence: 0 } as DepartureV2;
  const run = openWorker(1);
  await run('r1/DTW/0', payload);
  await run('r2/DTW/0', payload);
  expect((await openWitness(folder).latest('r2', 'DTW'))?.statistics.departures).toBe(1);
});

test('a flight from an airport to itself is dead, not done', async () => {
  const [flight] = await readFlights(1);
  const answer = await openWorker(1)('r1/DTW/0', { ...flight, destination: 'DTW', sequence: 0 } as DepartureV2);
  expect(answer).toMatchObject({ type: 'dead', reason: 'dead' });
  expect((await readWitness(folder, 'r1')).map(({ at }) => at)).toEqual(['start', 'end']);
});
