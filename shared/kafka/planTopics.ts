import type { Admin, TopicAlteration, TopicDeclaration, TopicDescription } from './port.ts';
import { compareTopic } from './provision.ts';
import { declareQueueTopics, queueTopicNames, type QueueTopicOptions } from './topics.ts';

/** What would be done to a topic. `risk`: why somebody should think first; null: nothing can be lost by it. */
export type TopicChange =
  | { readonly type: 'create'; readonly topic: string; readonly declaration: TopicDeclaration; readonly risk: null }
  | { readonly type: 'set'; readonly topic: string; readonly setting: string; readonly from: string; readonly to: string; readonly risk: string | null }
  | { readonly type: 'add-partitions'; readonly topic: string; readonly from: number; readonly to: number; readonly risk: string | null }
  /** Kafka offers no way that is safe while jobs run. */
  | { readonly type: 'by-hand'; readonly topic: string; readonly setting: string; readonly from: string; readonly to: string; readonly risk: string };

export interface TopicWishes extends Partial<Omit<QueueTopicOptions, 'queue'>> {
  readonly queue: string;
}

const DEFAULT_PARTITIONS = 6;
const MOST_REPLICAS = 3;
const MORE_PARTITIONS = 'entities change their partition: jobs enqueued before and after may run at the same time, in any order';

/**
 * Compares a queue's topics with what millrace wants of them. What is not wished stays as it is; a new queue gets 6 partitions and up to
 * three replicas. A queue's topics get as many partitions as the largest of them has. Changes nothing.
 */
export async function planTopics(admin: Pick<Admin, 'describeTopics' | 'describeCluster'>, wishes: TopicWishes): Promise<TopicChange[]> {
  const { main: mainName, retry, dlq, events } = queueTopicNames(wishes.queue);
  const found = await admin.describeTopics([mainName, retry, dlq, events]);
  const [main] = found;
  const existing = Math.max(0, ...found.map((topic) => topic?.partitions ?? 0));
  const partitions = Math.max(existing, wishes.partitions ?? (existing === 0 ? DEFAULT_PARTITIONS : existing));
  const replicationFactor = wishes.replicationFactor ?? main?.replicationFactor ?? Math.min(MOST_REPLICAS, (await admin.describeCluster()).brokers.length);
  const declared = Object.values(declareQueueTopics({ ...chosenBefore(found), ...wishes, partitions, replicationFactor }));
  return declared.flatMap((declaration, index) => changesOf(declaration, found[index] ?? null, existing));
}

/** How long and how large is its owner's choice, which stays. */
function chosenBefore([main, , dlq, events]: readonly (TopicDescription | null)[]): Partial<QueueTopicOptions> {
  const choice = (name: keyof QueueTopicOptions, topic: TopicDescription | null | undefined, setting: string): Partial<QueueTopicOptions> => {
    const value = topic?.config[setting];
    return value === undefined ? {} : { [name]: Number(value) };
  };
  return {
    ...choice('maxJobBytes', main, 'max.message.bytes'), ...choice('mainRetentionMs', main, 'retention.ms'), ...choice('dlqRetentionMs', dlq, 'retention.ms'),
    ...choice('eventsRetentionMs', events, 'retention.ms'),
  };
}

function changesOf(declaration: TopicDeclaration, actual: TopicDescription | null, existing: number): TopicChange[] {
  const topic = declaration.name;
  if (actual === null) return [{ type: 'create', topic, declaration, risk: null }];
  return compareTopic(declaration, actual).map(({ setting, declared, actual: from }): TopicChange => {
    if (setting === 'partitions') return { type: 'add-partitions', topic, from: Number(from), to: Number(declared), risk: Number(declared) > existing ? MORE_PARTITIONS : null };
    if (setting === 'replicationFactor') return { type: 'by-hand', topic, setting, from, to: declared, risk: 'moves data between brokers: kafka-reassign-partitions does it' };
    return { type: 'set', topic, setting, from, to: declared, risk: riskOf(setting, from, declared) };
  });
}

function riskOf(setting: string, from: string, to: string): string | null {
  const [before, after] = [Number(from), Number(to)];
  if (setting === 'retention.ms' || setting === 'retention.bytes') return after >= 0 && (before < 0 || after < before) ? 'Kafka deletes what is older or beyond it' : null;
  if (setting === 'max.message.bytes') return after < before ? 'larger jobs that are taken today would be refused' : null;
  if (setting === 'cleanup.policy') return from.includes('delete') && to === 'compact' ? null : 'what this policy lets go is gone';
  return null;
}

/** Carries a plan out, in its order; what is by hand is left. @throws MillraceError BROKER_REFUSED, BROKER_UNAVAILABLE */
export async function applyTopics(admin: Pick<Admin, 'createTopics' | 'alterTopics'>, changes: readonly TopicChange[]): Promise<void> {
  await admin.createTopics(changes.flatMap((change) => (change.type === 'create' ? [change.declaration] : [])));
  const alterations = new Map<string, { config: Record<string, string>; partitions?: number }>();
  for (const change of changes) {
    const one = alterations.get(change.topic) ?? { config: {} };
    if (change.type === 'set') one.config[change.setting] = change.to;
    if (change.type === 'add-partitions') one.partitions = change.to;
    if (change.type === 'set' || change.type === 'add-partitions') alterations.set(change.topic, one);
  }
  await admin.alterTopics([...alterations].map(([name, { config, partitions }]): TopicAlteration => (
    { name, ...(Object.keys(config).length === 0 ? {} : { config }), ...(partitions === undefined ? {} : { partitions }) }
  )));
}
