import { Pool } from 'pg';
import { PgBoss, type JobResult, type JobWithMetadata } from 'pg-boss';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { payloadOf, type Load } from '../jobs/load.ts';
import { GivenUp, type Place, type Settings, type System } from './system.ts';
import { dropSchema, settleSchema } from './postgresSchema.ts';
import { versionOf } from './versionOf.ts';

const schemaOf = ({ queue }: Place): string => queue.replaceAll('-', '_');
const POOL = 10;
/** An overloaded server is to show in the figures, not by giving up. */
const OVERLOAD_MS = 120_000;

async function openBoss(place: Place, notify: boolean): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: place.postgresUrl, schema: schemaOf(place), max: POOL, schedule: false, useListenNotify: notify, connectionTimeoutMillis: OVERLOAD_MS });
  boss.on('error', (error) => { process.stderr.write(`pg-boss: ${error.message}\n`); });
  await boss.start();
  return boss;
}

/** Ids that rise with the sequence: it breaks ties of time by id, and jobs of one insert tie. */
function idOf(sequence: number): string {
  return `01900000-0000-7000-8000-${sequence.toString(16).padStart(12, '0')}`;
}

function insertOf(load: Load, order: Settings['order'], sequence: number) {
  const data = payloadOf(load, sequence);
  return { id: idOf(sequence), data, ...(order === 'strict' ? { singletonKey: data.customer } : {}) };
}

export const pgboss: System = {
  name: 'pg-boss',
  versions: () => `${versionOf('pg-boss')}, ${versionOf('pg')}`,
  needs: ['postgres'],
  durability: 'PostgreSQL, synchronous_commit and fsync on: nothing acknowledged is lost',
  bulk: { slice: 5000, parallel: 2 },
  describe: ({ loops = 1, batchSize = 1, order, notify = false }) => [
    `localConcurrency ${loops}, batchSize ${batchSize}, perJobResults, burstWhenBatchFull, pollingIntervalSeconds 0.5, pool ${POOL}`,
    order === 'strict' ? 'policy key_strict_fifo, rising ids' : 'policy standard', ...(notify ? ['LISTEN/NOTIFY'] : []),
  ].join(', '),
  async prepare(place, load, { order, notify = false, retryMs = 1000, retryFactor = 1, attempts = 3, heartbeat }) {
    const boss = await openBoss(place, false);
    await boss.createQueue('order', {
      policy: order === 'strict' ? 'key_strict_fifo' : 'standard', notify, ...(heartbeat === undefined ? {} : { heartbeatSeconds: heartbeat }),
      ...(load.sick === true || load.dependencyPort !== undefined ? { retryLimit: attempts - 1, retryDelay: Math.max(1, Math.round(retryMs / 1000)), retryBackoff: retryFactor > 1 } : {}),
    });
    await boss.stop({ graceful: false });
  },
  settle: (place) => settleSchema(place.postgresUrl, schemaOf(place)),
  remove: (place) => dropSchema(place.postgresUrl, schemaOf(place)),
  async client(place, load, { order }) {
    const boss = await openBoss(place, false);
    return {
      async enqueue(sequence) {
        const { data, ...options } = insertOf(load, order, sequence);
        await boss.send('order', data, options);
        return null;
      },
      async enqueueMany(from, count) {
        await boss.insert('order', Array.from({ length: count }, (_, index) => insertOf(load, order, from + index)));
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
  async worker(place, _, { loops = 1, batchSize = 1, notify = false }, { run }) {
    const boss = await openBoss(place, notify);
    await boss.work('order', {
      localConcurrency: loops, batchSize, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, perJobResults: true, includeMetadata: true,
    }, (jobs: JobWithMetadata<JobV1>[]) => Promise.all(jobs.map(async ({ id, data, retryCount }): Promise<JobResult> => {
      try {
        await run(data.sequence, retryCount + 1);
        return { id, status: 'completed' };
      } catch (error) {
        return { id, status: error instanceof GivenUp ? 'deadletter' : 'failed' };
      }
    })));
    return { stop: () => boss.stop({ graceful: false }) };
  },
  queuesShare: true,
  async workerOfMany([first, ...more], { loops = 1, batchSize = 1, notify = false }) {
    if (first === undefined) return { stop: () => Promise.resolve() };
    const boss = await openBoss(first, notify);
    for (const { queue } of [first, ...more]) {
      await boss.createQueue(queue, { notify });
      await boss.work(queue, { localConcurrency: loops, batchSize, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }, () => Promise.resolve());
    }
    return { stop: () => boss.stop({ graceful: false }) };
  },
  watch(place) {
    const pool = new Pool({ connectionString: place.postgresUrl, max: 1 });
    return Promise.resolve({
      async pending() {
        const { rows } = await pool.query<{ left: string }>(`select count(*) as left from ${schemaOf(place)}.job where name = 'order' and state < 'completed'`);
        return Number(rows[0]?.left ?? 0);
      },
      close: () => pool.end(),
    });
  },
};
