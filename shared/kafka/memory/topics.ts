import { MillraceError } from '../../errors/MillraceError.ts';
import type { OutgoingRecord, TopicAlteration, TopicDeclaration, TopicDescription } from '../port.ts';
import { createPartitionLog, type PartitionLog } from './partitionLog.ts';

export interface MemoryTopic {
  readonly description: TopicDescription;
  readonly logs: readonly PartitionLog[];
  /** Numeric configuration, declared or Kafka's default. */
  limit(name: keyof typeof limits): number;
  readonly compacted: boolean;
  /** Of a topic that is both, or of the usual kind, old records are deleted. */
  readonly expiring: boolean;
}

export interface Topics {
  find(name: string): MemoryTopic | undefined;
  names(): string[];
  /** @throws MillraceError TOPIC_MISSING */
  get(name: string): MemoryTopic;
  /** @throws MillraceError TOPIC_MISSING, for a missing partition too, as Kafka does. */
  log(name: string, partition: number): PartitionLog;
  /** Does nothing where one of that name exists. */
  create(declaration: TopicDeclaration): void;
  /** @throws MillraceError TOPIC_MISSING, BROKER_REFUSED for fewer partitions */
  alter(alteration: TopicAlteration): void;
  delete(name: string): void;
}

/** Kafka's own defaults for what this driver honours. */
const limits = {
  'max.message.bytes': 1_048_588,
  'min.compaction.lag.ms': 0,
  'delete.retention.ms': 86_400_000,
  'retention.ms': 604_800_000,
};

type Told = (topic: string, partition: number, baseOffset: number, records: readonly OutgoingRecord[]) => void;

/** @param appended told of all that is appended */
export function createTopics(appended: Told): Topics {
  const topics = new Map<string, MemoryTopic>();
  const get = (name: string): MemoryTopic => {
    const topic = topics.get(name);
    if (topic === undefined) throw new MillraceError('TOPIC_MISSING', { at: name });
    return topic;
  };
  return {
    find: (name) => topics.get(name),
    names: () => [...topics.keys()].toSorted(),
    get,
    log(name, partition) {
      const log = get(name).logs[partition];
      if (log === undefined) throw new MillraceError('TOPIC_MISSING', { at: `${name}/${partition}` });
      return log;
    },
    create(declaration) {
      if (!topics.has(declaration.name)) topics.set(declaration.name, createTopic(declaration, appended));
    },
    alter({ name, config = {}, partitions }) {
      const { description, logs } = get(name);
      if (partitions !== undefined && partitions <= logs.length) throw new MillraceError('BROKER_REFUSED', { at: name, expected: `more than ${logs.length} partitions`, got: partitions });
      const made = createTopic({ ...description, partitions: partitions ?? logs.length, config: { ...description.config, ...config } }, appended);
      topics.set(name, { ...made, logs: [...logs, ...made.logs.slice(logs.length)] });
    },
    delete(name) { topics.delete(name); },
  };
}

function createTopic(declaration: TopicDeclaration, appended: Told): MemoryTopic {
  const config: Record<string, string> = { 'cleanup.policy': 'delete', 'min.insync.replicas': '1', 'compression.type': 'producer' };
  for (const [name, value] of Object.entries(limits)) config[name] = String(value);
  Object.assign(config, declaration.config);
  const policies = (config['cleanup.policy'] as string).split(',').map((policy) => policy.trim());
  return {
    description: { ...declaration, config },
    logs: Array.from({ length: declaration.partitions }, (_, partition) => createPartitionLog((baseOffset, records) => { appended(declaration.name, partition, baseOffset, records); })),
    limit: (name) => Number(config[name]),
    compacted: policies.includes('compact'),
    expiring: policies.includes('delete'),
  };
}
