import { Queue, UnrecoverableError, Worker, type Job } from 'bullmq';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { payloadOf } from '../jobs/load.ts';
import { GivenUp, type Place, type Settings, type System } from './system.ts';
import { versionOf } from './versionOf.ts';

const connectionTo = ({ redisPort }: Place) => ({ host: '127.0.0.1', port: redisPort, maxRetriesPerRequest: null });
const optionsOf = (sick: boolean, { retryMs = 1000, retryFactor = 1, attempts = 3 }: Settings) => ({
  // Kept jobs are what others put into tables for that; without this each one stays in Redis for ever.
  removeOnComplete: true, removeOnFail: true, ...(sick ? { attempts, backoff: retryFactor === 1 ? { type: 'fixed', delay: retryMs } : { type: 'exponential', delay: retryMs, jitter: 0.5 } } : {}),
});

function bullmqOn(server: 'redis' | 'redis-aof'): System {
  return {
    name: server === 'redis' ? 'BullMQ' : 'BullMQ, AOF',
    versions: () => `${versionOf('bullmq')}, ${versionOf('ioredis')}`,
    needs: [server],
    durability: server === 'redis' ? 'Redis as it comes (RDB snapshots): a crash of its machine or process loses up to minutes' : 'Redis with appendonly yes, appendfsync everysec: a crash loses about a second',
    bulk: { slice: 1000, parallel: 2 },
    describe: ({ concurrency }) => `concurrency ${concurrency}, removeOnComplete true; order per key is not offered without BullMQ Pro`,
    prepare: () => Promise.resolve(),
    async remove(place) {
      const queue = new Queue(place.queue, { connection: connectionTo(place) });
      await queue.obliterate({ force: true });
      await queue.close();
    },
    async client(place, load, settings) {
      const queue = new Queue<JobV1>(place.queue, { connection: connectionTo(place) });
      await queue.waitUntilReady();
      const opts = optionsOf(load.sick === true || load.dependencyPort !== undefined, settings);
      return {
        async enqueue(sequence) {
          await queue.add('order', payloadOf(load, sequence), opts);
          return null;
        },
        async enqueueMany(from, count) {
          await queue.addBulk(Array.from({ length: count }, (_, index) => ({ name: 'order', data: payloadOf(load, from + index), opts })));
        },
        close: () => queue.close(),
      };
    },
    async worker(place, _, { concurrency }, { run, recorded }) {
      const worker = new Worker<JobV1>(place.queue, async (job: Job<JobV1>) => {
        try {
          await run(job.data.sequence, job.attemptsMade + 1);
        } catch (error) {
          throw error instanceof GivenUp ? new UnrecoverableError(error.message) : error;
        }
      }, { connection: connectionTo(place), concurrency, autorun: false });
      worker.on('error', (error) => { process.stderr.write(`BullMQ: ${error.message}\n`); });
      if (recorded !== undefined) worker.on('completed', (job) => { recorded(job.data.sequence); });
      await worker.waitUntilReady();
      void worker.run();
      return { stop: () => worker.close() };
    },
    async workerOfMany(places, { concurrency }) {
      const workers = places.map((place) => new Worker(place.queue, () => Promise.resolve(), { connection: connectionTo(place), concurrency }));
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
      return { stop: async () => { await Promise.all(workers.map((worker) => worker.close())); } };
    },
    async watch(place) {
      const queue = new Queue(place.queue, { connection: connectionTo(place) });
      await queue.waitUntilReady();
      return {
        pending: async () => Object.values(await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized')).reduce((sum, count) => sum + count, 0),
        close: () => queue.close(),
      };
    },
  };
}

export const bullmq = bullmqOn('redis');
export const bullmqAof = bullmqOn('redis-aof');
