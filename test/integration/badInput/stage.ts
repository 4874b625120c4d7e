import { CompressionTypes, Kafka, logLevel, Partitioners, type IHeaders, type Producer } from 'kafkajs';
import { inject } from 'vitest';
import { createRegistry, type Registry } from '../../../shared/avro/registry.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { readBuriedRecord } from '../../../shared/kafka/envelope.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin, Broker, FetchedRecord } from '../../../shared/kafka/port.ts';
import { declareQueueTopics, queueTopicNames, type QueueTopicNames, type QueueTopics } from '../../../shared/kafka/topics.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { QueueObserver } from '../../../shared/worker/observer.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../../shared/worker/worker.ts';
import { uniqueName } from '../../topicNames.ts';
import { watch, type Watcher } from '../kafkajs/watcher.ts';
import { until } from '../../until.ts';

export { until };

/** A record as somebody else's producer sends it: KafkaJS's own, which knows nothing of millrace. */
export interface RawRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders;
  readonly timestampMs?: number;
}

export interface Appended {
  readonly partition: number;
  readonly offset: number;
  /** When the broker's ack was here, epoch ms. */
  readonly ackedMs: number;
}

/** One call of a handler. */
export interface Run {
  readonly kind: string;
  readonly id: string;
  readonly key: string | null;
  readonly attempt: number;
  readonly payload: unknown;
  readonly atMs: number;
}

export interface Letter {
  readonly record: FetchedRecord & { readonly partition: number };
  /** The DLQ record as redrive reads it. */
  readonly read: NonNullable<ReturnType<typeof readBuriedRecord>>;
}

export interface StageOptions {
  readonly partitions?: number;
  /** Settings of single topics that differ from the declared ones. */
  readonly config?: Partial<Record<keyof QueueTopicNames, Readonly<Record<string, string>>>>;
}

/** A queue on the real Kafka, with its dead letters in view, to which anybody may append anything. */
export interface Stage {
  readonly queue: string;
  readonly topics: QueueTopicNames;
  readonly broker: Broker;
  readonly admin: Admin;
  readonly registry: Registry;
  readonly raw: Producer;
  readonly runs: readonly Run[];
  /** What observers were told, in order. */
  readonly seen: string[];
  /** For handlers: notes the call. */
  note(payload: unknown, ctx: Pick<JobContext, 'kind' | 'id' | 'key' | 'attempt'>): void;
  startWorker(jobs: readonly JobDefinition[], options?: Partial<WorkerOptions>): Promise<Worker>;
  append(records: readonly RawRecord[], options?: { readonly topic?: string; readonly partition?: number; readonly gzip?: boolean }): Promise<Appended[]>;
  /** All dead letters so far. */
  readonly letters: readonly FetchedRecord[];
  /** The dead letter of a main record, once it is there. */
  letterOf(at: Appended): Promise<Letter>;
  /** Waits until jobs with these ids have run, each at least once. */
  ran(ids: readonly string[]): Promise<Run[]>;
  /** Waits until the frontier is committed past a record. */
  committedPast(at: Appended): Promise<void>;
  committedOffset(partition?: number): Promise<number>;
  /** Everything in a partition of one of the queue's topics now. */
  read(topic: string, partition?: number): Promise<FetchedRecord[]>;
  close(): Promise<void>;
}

export async function createStage(name: string, { partitions = 1, config = {} }: StageOptions = {}): Promise<Stage> {
  const brokers = inject('brokers').split(',');
  const queue = uniqueName(name);
  const topics = queueTopicNames(queue);
  const broker = createKafkajsBroker({ brokers });
  const registry = createRegistry({ url: inject('registryUrl') });
  const admin = broker.createAdmin({ clientId: 'stage' });
  const declared = Object.entries(declareQueueTopics({ queue, partitions, replicationFactor: 1 })) as [keyof QueueTopics, QueueTopics['main']][];
  await admin.createTopics(declared.map(([which, topic]) => ({ ...topic, config: { ...topic.config, ...config[which] } })));
  const raw = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const dlq = watch(broker, topics.dlq, { group: uniqueName('dlq') });
  await Promise.all([raw.connect(), dlq.consumer.start()]);
  const workers: Worker[] = [];
  const runs: Run[] = [];
  const seen: string[] = [];

  const committedOffset = async (partition = 0): Promise<number> =>
    (await admin.committed(`millrace.${queue}`, queue)).find((one) => one.partition === partition)?.position?.offset ?? 0;

  return {
    queue, topics, broker, admin, registry, raw, runs, seen,
    note(payload, { kind, id, key, attempt }) { runs.push({ kind, id, key, attempt, payload, atMs: Date.now() }); },
    async startWorker(jobs, options = {}) {
      const worker = createWorker({
        broker, registry, jobs, logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }),
        observe: () => noteAll(seen), topics: false, ...options,
      });
      workers.push(worker);
      await worker.start();
      await until(() => worker.ready && worker.runners.every((runner) => runner.engine.partitions.size === partitions), 'the partitions to open');
      return worker;
    },
    async append(records, { topic = queue, partition = 0, gzip = false } = {}) {
      const [reply] = await raw.send({
        topic,
        acks: -1,
        compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None,
        messages: records.map(({ timestampMs, ...record }) => ({ ...record, partition, ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }) })),
      });
      const ackedMs = Date.now();
      return records.map((_, index) => ({ partition, offset: Number(reply?.baseOffset) + index, ackedMs }));
    },
    get letters() { return dlq.records; },
    async letterOf(at) {
      let letter: Letter | undefined;
      await until(() => (letter = findLetter(dlq, queue, at)) !== undefined, `the dead letter of ${queue}/${at.partition}/${at.offset}`, 15_000);
      return letter as Letter;
    },
    async ran(ids) {
      const found = (): Run[] => ids.flatMap((id) => runs.find((run) => run.id === id) ?? []);
      await until(() => found().length === ids.length, `runs of ${ids.join()}`, 15_000);
      return found();
    },
    async committedPast(at) {
      const startedMs = performance.now();
      for (let offset = -1; offset <= at.offset;) {
        offset = await committedOffset(at.partition);
        if (performance.now() - startedMs > 15_000) throw new Error(`committed up to ${offset} only, wanted past ${at.offset}`);
      }
    },
    committedOffset,
    async read(topic, partition = 0) {
      const reader = watch(broker, topic, { group: uniqueName('reader') });
      await reader.consumer.start();
      const end = reader.grants.find((grant) => grant.partition === partition)?.log[topic]?.endOffset ?? 0;
      await until(() => end === 0 || reader.batches.some((batch) => batch.partition === partition && batch.nextOffset >= end), `the end of ${topic}`);
      await reader.consumer.close();
      return reader.records.filter((record) => record.partition === partition && record.offset < end);
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all([raw.disconnect(), dlq.consumer.close(), admin.close()]);
    },
  };
}

function findLetter(dlq: Watcher, queue: string, { partition, offset }: Appended): Letter | undefined {
  for (const record of dlq.records) {
    const read = readBuriedRecord(record);
    if (read?.job.origin.topic === queue && read.job.origin.partition === partition && read.job.origin.offset === offset) return { record, read };
  }
  return undefined;
}

function noteAll(seen: string[]): QueueObserver {
  return {
    attemptEnded: (kind, end) => { seen.push(`${kind} ${end}`); },
    buried: (job, reason) => { seen.push(`buried ${job.id} ${reason}`); },
    sandboxDied: (job) => { seen.push(`sandbox died ${job.id}`); },
    attemptAbandoned: (job) => { seen.push(`abandoned ${job.id}`); },
    notice: (_partition, notice) => { seen.push(notice.type === 'publish-refused' ? `refused ${notice.stream} ${notice.code}` : notice.type); },
    commitFailed: (code) => { seen.push(`commit failed ${code}`); },
    schemaUnavailable: () => { seen.push('schema unavailable'); },
    partitionsAssigned: () => { seen.push('assigned'); },
    partitionsLost: () => { seen.push('lost'); },
    trouble: (error) => { seen.push(`trouble ${error.message}`); },
  };
}
