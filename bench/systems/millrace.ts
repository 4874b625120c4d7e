import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { createClient } from '../../shared/client/client.ts';
import { defineJob } from '../../shared/jobs/defineJob.ts';
import type { JobContext } from '../../shared/jobs/jobContext.ts';
import type { Compression } from '../../shared/kafka/compression.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin } from '../../shared/kafka/port.ts';
import { prepareTopics } from '../../shared/kafka/prepareTopics.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createLogObserver } from '../../shared/worker/logObserver.ts';
import type { QueueObserver } from '../../shared/worker/observer.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../shared/worker/worker.ts';
import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { payloadOf, type Load } from '../jobs/load.ts';
import { GivenUp, type Place, type RunAttempt, type Settings, type System } from './system.ts';
import { versionOf } from './versionOf.ts';

const PARTITIONS = 6;
const quiet = () => createLogger({ level: 'error', service: 'bench', clock: systemClock });
const brokerAt = ({ brokers }: Place, compression?: Compression) => createKafkajsBroker({ brokers: brokers.split(','), ...(compression === undefined ? {} : { compression }) });

/** The measured kind. A handler that fails by nature is told which attempt it is; others read nothing that they do not need. */
function benchKind({ queue }: Place, load: Load, { retryMs = 1000, retryFactor = 1, attempts = 3 }: Settings, run: RunAttempt) {
  const wantsAttempt = load.sick === true;
  return defineJob({
    kind: 'bench.order', queue, schema: jobV1, key: (payload: JobV1) => payload.customer,
    retry: { attempts, backoff: { first: `${retryMs}ms`, factor: retryFactor, max: retryFactor === 1 ? `${retryMs}ms` : '10m', jitter: retryFactor === 1 ? 0 : 0.5 } },
    buryOn: (error: unknown) => error instanceof GivenUp,
    handle: wantsAttempt ? (payload: JobV1, ctx: JobContext) => run(payload.sequence, ctx.attempt) : (payload: JobV1) => run(payload.sequence, 1),
  });
}

export interface WorkerExtras extends Partial<Pick<WorkerOptions, 'limits' | 'spill'>> {
  readonly told?: Partial<QueueObserver>;
}

export function openMillraceWorker(place: Place, load: Load, settings: Settings, run: RunAttempt, { told = {}, ...more }: WorkerExtras = {}): Worker {
  const logger = quiet();
  return createWorker({
    broker: brokerAt(place, settings.compression), jobs: [benchKind(place, load, settings, run)], logger, concurrency: settings.concurrency, ...more,
    registry: createRegistry({ url: place.registryUrl }), observe: (queue) => ({ ...createLogObserver(logger, queue), ...told }), topics: false,
    ...(settings.limits === undefined ? {} : { limits: settings.limits }),
    ...(settings.sessionMs === undefined ? {} : { sessionTimeoutMs: settings.sessionMs }), ...(settings.flushMs === undefined ? {} : { flushIntervalMs: settings.flushMs }),
  });
}

export const millrace: System = {
  name: 'millrace',
  versions: () => `millrace (this checkout), ${versionOf('kafkajs')}`,
  needs: ['kafka'],
  durability: 'Kafka, acks=all, one broker: an ack means the page cache; with three brokers, two machines',
  bulk: { slice: 10_000, parallel: 2 },
  describe: ({ concurrency, partitions = PARTITIONS, compression, flushMs, sessionMs }) => [
    `concurrency ${concurrency}, ${partitions} partitions`,
    ...(compression === undefined ? [] : [`compression ${compression}`]), ...(flushMs === undefined ? [] : [`flushIntervalMs ${flushMs}`]), ...(sessionMs === undefined ? [] : [`sessionTimeoutMs ${sessionMs}`]),
  ].join(', '),
  async prepare(place, _, { partitions = PARTITIONS }) {
    const admin = brokerAt(place).createAdmin({ clientId: 'bench' });
    await prepareTopics(admin, [place.queue], { partitions, replicationFactor: 1 }, quiet());
    await admin.close();
  },
  async remove(place) {
    const admin = brokerAt(place).createAdmin({ clientId: 'bench' });
    await admin.deleteTopics(Object.values(queueTopicNames(place.queue))).finally(() => admin.close());
  },
  async client(place, load, settings) {
    const job = benchKind(place, load, settings, () => undefined);
    const client = createClient({ broker: brokerAt(place, settings.compression), codec: createCodec({ registry: createRegistry({ url: place.registryUrl }), clock: systemClock }), source: '/bench', jobs: [job] });
    await client.start();
    return {
      enqueue: (sequence) => client.enqueue(job, payloadOf(load, sequence)),
      enqueueMany: async (from, count) => {
        const delayed = load.delayed === true ? { delay: '1d' } as const : null;
        if (delayed === null) await client.enqueueMany(job, Array.from({ length: count }, (_, index) => payloadOf(load, from + index)));
        else await client.enqueueMany(Array.from({ length: count }, (_, index) => [job, payloadOf(load, from + index), delayed] as const));
      },
      close: () => client.close(),
    };
  },
  async worker(place, load, settings, { run }) {
    const worker = openMillraceWorker(place, load, settings, run);
    await worker.start();
    return { stop: () => worker.stop() };
  },
  async workerOfMany(places, settings) {
    const [first] = places;
    if (first === undefined) return { stop: () => Promise.resolve() };
    const logger = quiet();
    const worker = createWorker({
      broker: brokerAt(first), jobs: places.map((place) => benchKind(place, { jobs: 0, keys: 1, skew: 'even', workMs: 0 }, settings, () => undefined)), logger, concurrency: settings.concurrency,
      registry: createRegistry({ url: first.registryUrl }), observe: (queue) => createLogObserver(logger, queue), topics: false,
    });
    await worker.start();
    return { stop: () => worker.stop() };
  },
  watch(place, { mainOnly = false } = {}) {
    const admin = brokerAt(place).createAdmin({ clientId: 'bench-watch' });
    const { main, retry } = queueTopicNames(place.queue);
    return Promise.resolve({
      pending: async () => (await lagOf(admin, `millrace.${place.queue}`, main)) + (mainOnly ? 0 : await lagOf(admin, `millrace.${place.queue}`, retry)),
      close: () => admin.close(),
    });
  },
};

/** Records that the group has not settled. */
async function lagOf(admin: Admin, group: string, topic: string): Promise<number> {
  const [ends, committed] = await Promise.all([admin.logBounds(topic), admin.committed(group, topic)]);
  return ends.reduce((sum, { partition, startOffset, endOffset }) => sum + Math.max(0, endOffset - (committed.find((one) => one.partition === partition)?.position?.offset ?? startOffset)), 0);
}
