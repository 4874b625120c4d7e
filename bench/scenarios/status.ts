import type { Database } from '../../shared/database/port.ts';
import { openPglite } from '../../shared/database/pglite/openPglite.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createDatabase } from '../../test/postgres/createDatabase.ts';
import { pick, type Sample, type Scenario, type Size } from '../frame/scenario.ts';
import { measureProjection } from '../status/measureProjection.ts';
import { versionOf } from '../systems/versionOf.ts';

/** Of each ten jobs so many are told of as started too, and fail once before they succeed. */
const EVENTFUL = 5;

async function measure(database: Database, jobs: number): Promise<Sample> {
  const figures = await measureProjection(database, { jobs, eventful: EVENTFUL, chunkRecords: Math.min(2500, jobs) });
  const { rows: [counted] } = await database.query<{ done: number }>('select count(*)::int as done from status_jobs where state = \'done\'');
  return {
    figures: {
      rate: figures.factsPerSecond, events: figures.eventsPerSecond, micros: (figures.cpuSeconds * 1e6) / figures.jobs,
      serverMicros: figures.backendCpuSeconds === null ? null : (figures.backendCpuSeconds * 1e6) / figures.jobs,
    },
    check: { ok: counted?.done === jobs, text: `${counted?.done.toLocaleString('en')} of ${jobs.toLocaleString('en')} jobs shown as done` },
  };
}

export const statusScenario: Scenario = {
  name: 'status', measures: 'how fast the topics\' records become rows of the status tables',
  columns: [{ key: 'rate', title: 'facts/s' }, { key: 'events', title: 'events/s' }, { key: 'micros', title: 'CPU µs/job', digits: 1 }, { key: 'serverMicros', title: 'server CPU µs/job', digits: 1 }],
  subject: 'PostgreSQL', compared: 'rate',
  contestants: (size: Size) => [
    {
      name: 'PostgreSQL', needs: ['postgres'], settings: 'durable', durability: 'a projection: it can be made anew from the topics', versions: versionOf('pg'),
      async measure(bench) {
        const made = await createDatabase((await bench.place('status', ['postgres'])).postgresUrl);
        const database = openPostgres({ url: made.url });
        return measure(database, pick(size, 30_000, 10_000, 500)).finally(async () => {
          await database.close();
          await made.drop();
        });
      },
    },
    {
      name: 'embedded', needs: [], settings: 'in memory', durability: 'a projection: it can be made anew from the topics', versions: versionOf('@electric-sql/pglite'),
      async measure() {
        const database = await openPglite({ folder: null, host: process });
        return measure(database, pick(size, 20_000, 5000, 500)).finally(() => database.close());
      },
    },
  ],
  notes: [`Records are made before: what is timed is decoding, folding and the transactions. Of ten jobs ${EVENTFUL} fail once first.`],
  seconds: { full: 25, quick: 12, smoke: 8 },
};
