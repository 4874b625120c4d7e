import { Logger, makeWorkerUtils, run as startRunner, type Runner, type TaskList } from 'graphile-worker';
import { Pool } from 'pg';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { keyOf, natureOf, payloadOf, type Load } from '../jobs/load.ts';
import type { Place, Settings, System } from './system.ts';
import { dropSchema, settleSchema } from './postgresSchema.ts';
import { versionOf } from './versionOf.ts';

const silent = new Logger(() => () => undefined);
const schemaOf = ({ queue }: Place): string => queue.replaceAll('-', '_');
const START_MS = Date.UTC(2026, 0, 1);

/** `strict`: each key is a named queue, and the times of jobs rise, as those of one statement would tie. */
function specOf(load: Load, { order, attempts = 3 }: Settings, sequence: number) {
  return {
    identifier: 'order', payload: payloadOf(load, sequence),
    ...(order === 'strict' ? { queueName: `key-${keyOf(load, sequence)}`, runAt: new Date(START_MS + sequence) } : {}),
    // It knows no way to give a job up at once.
    maxAttempts: natureOf(load, sequence) === 'dies' ? 1 : load.dependencyPort === undefined ? attempts : 25,
  };
}

function runnerAt(place: Place, { concurrency, batched = false, pollMs = 2000 }: Settings, taskList: TaskList): Promise<Runner> {
  return startRunner({
    connectionString: place.postgresUrl, schema: schemaOf(place), logger: silent, noHandleSignals: true, taskList,
    preset: {
      worker: {
        concurrentJobs: concurrency, maxPoolSize: poolSize(concurrency), pollInterval: pollMs,
        ...(batched ? { localQueue: { size: 500, refetchDelay: { durationMs: 10 } }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
      },
    },
  });
}

export const graphile: System = {
  name: 'graphile-worker',
  versions: () => `${versionOf('graphile-worker')}, ${versionOf('pg')}`,
  needs: ['postgres'],
  durability: 'PostgreSQL, synchronous_commit and fsync on: nothing acknowledged is lost',
  bulk: { slice: 5000, parallel: 2 },
  describe: ({ concurrency, batched = false, pollMs = 2000, order }) => [
    `concurrentJobs ${concurrency}, maxPoolSize ${poolSize(concurrency)}`,
    ...(batched ? ['localQueue { size: 500, refetchDelay: { durationMs: 10 } }, completeJobBatchDelay 0, failJobBatchDelay 0'] : ['unbatched']),
    `pollInterval ${pollMs}`, ...(order === 'strict' ? ['queueName = key, rising runAt'] : []),
  ].join(', '),
  async prepare(place) {
    const utils = await makeWorkerUtils({ connectionString: place.postgresUrl, schema: schemaOf(place), logger: silent });
    await utils.migrate();
    await utils.release();
  },
  settle: (place) => settleSchema(place.postgresUrl, schemaOf(place)),
  remove: (place) => dropSchema(place.postgresUrl, schemaOf(place)),
  async client(place, load, settings) {
    const utils = await makeWorkerUtils({ connectionString: place.postgresUrl, schema: schemaOf(place), logger: silent });
    return {
      async enqueue(sequence) {
        const { identifier, payload, ...spec } = specOf(load, settings, sequence);
        await utils.addJob(identifier, payload, spec);
        return null;
      },
      async enqueueMany(from, count) {
        await utils.addJobs(Array.from({ length: count }, (_, index) => specOf(load, settings, from + index)));
      },
      close: async () => { await utils.release(); },
    };
  },
  queuesShare: true,
  workerOfMany: async ([first, ...more], settings) => {
    if (first === undefined) return { stop: () => Promise.resolve() };
    const runner = await runnerAt(first, settings, Object.fromEntries([first, ...more].map((place) => [place.queue, () => undefined])));
    return { stop: () => runner.stop() };
  },
  async worker(place, _, settings, { run, recorded }) {
    const runner = await runnerAt(place, settings, { order: (payload, { job }) => run((payload as JobV1).sequence, job.attempts) });
    // Batched completions are told before the server has them.
    if (recorded !== undefined && settings.batched !== true) runner.events.on('job:complete', ({ job }) => { recorded((job.payload as JobV1).sequence); });
    return { stop: () => runner.stop() };
  },
  watch(place) {
    const pool = new Pool({ connectionString: place.postgresUrl, max: 1 });
    return Promise.resolve({
      async pending() {
        const { rows } = await pool.query<{ left: string }>(`select count(*) as left from ${schemaOf(place)}._private_jobs where attempts < max_attempts or locked_at is not null`);
        return Number(rows[0]?.left ?? 0);
      },
      close: () => pool.end(),
    });
  },
};

/** As its documents have it: as many as jobs under way and one more, and no more than a server likes. */
function poolSize(concurrency: number): number {
  return Math.min(50, concurrency + 1);
}
