import { didYouMean } from './errors/didYouMean.ts';
import { MillraceError } from './errors/MillraceError.ts';
import { createCodec } from './avro/codec.ts';
import { createRegistry, type Registry } from './avro/registry.ts';
import { createClient, type Client } from './client/client.ts';
import type { JobDefinition } from './jobs/jobDefinition.ts';
import { createKafkajsBroker } from './kafka/kafkajs/kafkajsBroker.ts';
import { DEFAULT_TOPICS, prepareTopics, type TopicDefaults } from './kafka/prepareTopics.ts';
import type { Broker } from './kafka/port.ts';
import { commandBuried, listBuried, type BuriedJob, type DeadLetterTools } from './redrive/redrive.ts';
import { systemClock, type Clock } from './runtime/clock.ts';
import { createLogger, type Logger } from './runtime/logger.ts';
import { createLogObserver } from './worker/logObserver.ts';
import { createWorker, type Worker, type WorkerOptions } from './worker/worker.ts';

export interface MillraceOptions {
  /** "host:port", several in a list or apart by commas. */
  readonly brokers: string | readonly string[];
  /** Base address of a Confluent-compatible schema registry. */
  readonly registryUrl: string;
  /** Who enqueues: a URI reference; travels as `ce_source`. Default `/millrace`. */
  readonly source?: string;
  /** How missing topics are made; `false`: they must exist. Default: 6 partitions, 1 replica. */
  readonly topics?: TopicDefaults | false;
  /** Default: JSON lines on standard output, from `info` on. */
  readonly logger?: Logger;
  /** Another driver, for instance the in-memory one of `millrace/testing`. */
  readonly broker?: Broker;
  readonly registry?: Registry;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What a worker may be told beyond its jobs; the rest it has from {@link MillraceOptions}. */
export type WorkOptions = Omit<Partial<WorkerOptions>, 'broker' | 'registry' | 'jobs' | 'topics' | 'clock' | 'random'>;

/** One application's door to its queues. */
export interface Millrace {
  /** See {@link Client.enqueue}. */
  readonly enqueue: Client['enqueue'];
  /** See {@link Client.enqueueMany}. */
  readonly enqueueMany: Client['enqueueMany'];
  /** Starts a worker for these jobs; it runs until its `stop`, or {@link close}. */
  work(jobs: readonly JobDefinition[], options?: WorkOptions): Promise<Worker>;
  /** The jobs that a queue's dead-letter topic has records of, also those that were redriven since. */
  listBuried(queue: string): Promise<BuriedJob[]>;
  /**
   * Runs buried jobs again, in their old place, with fresh attempts. Resolves with the selected ones when Kafka has the commands. The dead-letter
   * topic keeps its records: a job that was redriven and is done since **is listed still, and runs once more** if it is selected again; so
   * select by id, or by `buriedAt`.
   */
  redrive(queue: string, select: (job: BuriedJob) => boolean): Promise<BuriedJob[]>;
  /** Forgets held jobs, so that their entities' next jobs run. */
  discard(queue: string, select: (job: BuriedJob) => boolean): Promise<BuriedJob[]>;
  /** Drains the workers, waits for pending enqueues, disconnects. Idempotent. */
  close(): Promise<void>;
}

const known: ReadonlySet<string> = new Set<keyof MillraceOptions>(['brokers', 'registryUrl', 'source', 'topics', 'logger', 'broker', 'registry', 'clock', 'random']);

function checkOptions(options: MillraceOptions): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    const meant = didYouMean(name, known);
    throw new MillraceError('BAD_CONFIG', { at: `createMillrace: ${name}`, expected: `one of ${[...known].join(', ')}`, ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
  }
  const { brokers, broker, registryUrl, registry } = options as Partial<MillraceOptions>;
  if (broker === undefined && (brokers === undefined || brokers.length === 0)) {
    throw new MillraceError('BAD_CONFIG', { at: 'createMillrace: brokers', expected: 'addresses such as "kafka-1:9092,kafka-2:9092"', got: brokers });
  }
  if (registry === undefined && (registryUrl === undefined || registryUrl === '')) {
    throw new MillraceError('BAD_CONFIG', { at: 'createMillrace: registryUrl', expected: 'the address of a schema registry', got: registryUrl });
  }
}

/** Connects to nothing yet: each part does when it is first used. @throws MillraceError BAD_CONFIG */
export function createMillrace(options: MillraceOptions): Millrace {
  checkOptions(options);
  const { clock = systemClock, random = Math.random, source = '/millrace', topics = DEFAULT_TOPICS } = options;
  const brokers = typeof options.brokers === 'string' ? options.brokers.split(',').map((one) => one.trim()) : options.brokers;
  const broker = options.broker ?? createKafkajsBroker({ brokers });
  const registry = options.registry ?? createRegistry({ url: options.registryUrl });
  const logger = options.logger ?? createLogger({ level: 'info', service: 'millrace', clock });
  const admin = broker.createAdmin({ clientId: 'millrace-admin' });
  const commands = broker.createProducer({ clientId: 'millrace-commands' });
  const prepared = new Map<string, Promise<unknown>>();
  const workers: Worker[] = [];
  let closing: Promise<void> | null = null;

  const prepare = (queues: readonly string[]): Promise<unknown> => Promise.all(queues.map((queue) => {
    let ready = prepared.get(queue);
    if (ready === undefined) {
      ready = prepareTopics(admin, [queue], topics, logger);
      prepared.set(queue, ready);
      ready.catch(() => { prepared.delete(queue); });
    }
    return ready;
  }));
  const client = createClient({ broker, codec: createCodec({ registry, clock }), source, clock, random, prepareQueue: (queue) => prepare([queue]) });
  const tools = async (): Promise<DeadLetterTools> => {
    await commands.start();
    return { broker, admin, producer: commands, ...(options.random === undefined ? {} : { createId: () => String(random()).slice(2) }) };
  };

  return {
    enqueue: client.enqueue,
    enqueueMany: client.enqueueMany,
    async work(jobs, more = {}) {
      if (closing !== null) throw new MillraceError('NOT_RUNNING', { at: 'work', got: 'closed', fix: 'Create it anew' });
      if (!Array.isArray(jobs)) throw new MillraceError('BAD_JOB_DEFINITION', { at: 'work', expected: 'a list of job definitions', got: jobs });
      const worker = createWorker({ logger, observe: (queue) => createLogObserver(logger, queue), ...more, broker, registry, jobs, topics, clock, random });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    listBuried: async (queue) => listBuried(await tools(), queue),
    redrive: async (queue, select) => commandBuried(await tools(), queue, 'redrive', select),
    discard: async (queue, select) => commandBuried(await tools(), queue, 'discard', select),
    close() {
      closing ??= (async () => {
        await Promise.all(workers.map((worker) => worker.stop()));
        await client.close();
        await commands.close();
        await admin.close();
      })();
      return closing;
    },
  };
}
