import type { TopicDeclaration } from './port.ts';

/** The names of a queue's topics. */
export interface QueueTopicNames {
  /** New jobs, keyed by entity. */
  readonly main: string;
  /** The waiting room: one record a waiting job, keyed by its id. */
  readonly retry: string;
  /** Buried jobs. */
  readonly dlq: string;
  /** What happened to the jobs. */
  readonly events: string;
}

export type QueueTopics = Readonly<Record<keyof QueueTopicNames, TopicDeclaration>>;

export interface QueueTopicOptions {
  readonly queue: string;
  /** Of each of the four topics: a job's copies stay in its partition number. */
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Largest record of the main topic, all included. Default: Kafka's own, 1 MiB. */
  readonly maxJobBytes?: number;
  /** How long the main topic keeps a job, worked off or not. Default 14 days: more than any backlog should take. */
  readonly mainRetentionMs?: number;
  /** How long a buried job can be redriven. Default one year. */
  readonly dlqRetentionMs?: number;
  /** How long events can be replayed. Default 7 days. */
  readonly eventsRetentionMs?: number;
}

const DAY_MS = 86_400_000;
const KAFKA_DEFAULT_MAX_BYTES = 1_048_588;
/** What a waiting or buried copy carries beyond the job: envelope, origin, and two failures of 2 KB, which JSON may blow up sixfold. */
const COPY_HEADERS_BYTES = 65_536;
/**
 * Compaction must leave alone what an owner-to-be still needs to judge: a zombie's record and the lease that voids it, a tombstone
 * and what it ends. It outlasts any time in which a partition has no live owner.
 */
const COMPACTION_LAG_MS = 7 * DAY_MS;

export function queueTopicNames(queue: string): QueueTopicNames {
  return { main: queue, retry: `${queue}.retry`, dlq: `${queue}.dlq`, events: `${queue}.events` };
}

/** All that millrace wants of a queue's topics, in one place. `provisionTopics` creates them, and tells where a cluster differs. */
export function declareQueueTopics(options: QueueTopicOptions): QueueTopics {
  const { partitions, replicationFactor } = options;
  const names = queueTopicNames(options.queue);
  const maxJobBytes = options.maxJobBytes ?? KAFKA_DEFAULT_MAX_BYTES;
  const declare = (name: string, config: Readonly<Record<string, string | number>>): TopicDeclaration => ({
    name,
    partitions,
    replicationFactor,
    config: Object.fromEntries(Object.entries({
      // An ack means that one broker may be lost; with a single replica there is none to lose.
      'min.insync.replicas': Math.max(1, replicationFactor - 1),
      'unclean.leader.election.enable': 'false',
      ...config,
    }).map(([key, value]) => [key, String(value)])),
  });
  return {
    main: declare(names.main, {
      'cleanup.policy': 'delete',
      'retention.ms': options.mainRetentionMs ?? 14 * DAY_MS,
      'retention.bytes': -1,
      'max.message.bytes': maxJobBytes,
    }),
    retry: declare(names.retry, {
      'cleanup.policy': 'compact',
      'min.compaction.lag.ms': COMPACTION_LAG_MS,
      'delete.retention.ms': COMPACTION_LAG_MS,
      // Only closed segments are compacted: small ones, closed daily, keep the log near the size of what waits.
      'segment.bytes': 64 * 1024 * 1024,
      'segment.ms': DAY_MS,
      'min.cleanable.dirty.ratio': 0.2,
      'max.message.bytes': maxJobBytes + COPY_HEADERS_BYTES,
    }),
    dlq: declare(names.dlq, {
      'cleanup.policy': 'delete',
      'retention.ms': options.dlqRetentionMs ?? 365 * DAY_MS,
      'retention.bytes': -1,
      'max.message.bytes': maxJobBytes + COPY_HEADERS_BYTES,
    }),
    events: declare(names.events, {
      'cleanup.policy': 'delete',
      'retention.ms': options.eventsRetentionMs ?? 7 * DAY_MS,
      'max.message.bytes': KAFKA_DEFAULT_MAX_BYTES,
    }),
  };
}
