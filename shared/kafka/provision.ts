import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin, TopicDeclaration, TopicDescription } from './port.ts';
import type { QueueTopics } from './topics.ts';

/** Where a topic is not as declared. */
export interface TopicDrift {
  readonly topic: string;
  /** `partitions`, `replicationFactor`, or the name of a topic setting. */
  readonly setting: string;
  readonly declared: string;
  readonly actual: string;
}

export interface ProvisionedTopics {
  readonly created: readonly string[];
  /** Nothing of it was changed; whether it matters is for people to decide. */
  readonly drift: readonly TopicDrift[];
  /** By topic: the largest record that it really takes (`max.message.bytes`). */
  readonly maxRecordBytes: ReadonlyMap<string, number>;
}

/**
 * Creates the topics that are missing and reports how the others differ; changes nothing that exists. A queue's missing topics get
 * as many partitions as its existing ones have, whatever is declared, since equal numbers are what everything else stands on.
 * @throws MillraceError TOPIC_DRIFT when the partition numbers of a queue's topics differ (then nothing was created);
 *   BROKER_UNAVAILABLE, BROKER_REFUSED
 */
export async function provisionTopics(admin: Admin, queues: readonly QueueTopics[]): Promise<ProvisionedTopics> {
  const declared = queues.flatMap((queue) => Object.values(queue));
  const before = await describe(admin, declared);
  const missing = queues.flatMap((queue) => planMissing(Object.values(queue), before));
  if (missing.length > 0) await admin.createTopics(missing);

  const after = missing.length > 0 ? await describe(admin, declared) : before;
  for (const queue of queues) planMissing(Object.values(queue), after);
  return {
    created: missing.map(({ name }) => name),
    drift: declared.flatMap((declaration) => compareTopic(declaration, after.get(declaration.name) ?? null)),
    maxRecordBytes: new Map([...after.values()].map(({ name, config }) => [name, Number(config['max.message.bytes'])])),
  };
}

async function describe(admin: Admin, declared: readonly TopicDeclaration[]): Promise<Map<string, TopicDescription>> {
  const found = await admin.describeTopics(declared.map(({ name }) => name));
  return new Map(found.filter((topic) => topic !== null).map((topic) => [topic.name, topic]));
}

/** The declarations to create for one queue. @throws MillraceError TOPIC_DRIFT */
export function planMissing(queue: readonly TopicDeclaration[], existing: ReadonlyMap<string, TopicDescription>): TopicDeclaration[] {
  const present = queue.flatMap(({ name }) => existing.get(name) ?? []);
  const counts = new Set(present.map(({ partitions }) => partitions));
  if (counts.size > 1) {
    throw new MillraceError('TOPIC_DRIFT', {
      expected: 'equal partition numbers of a queue\'s topics',
      got: present.map(({ name, partitions }) => `${name}: ${partitions}`).join(', '),
      fix: 'Give those with fewer partitions as many as the largest has, before any job is sent to the new ones',
    });
  }
  const [count] = counts;
  return queue.filter(({ name }) => !existing.has(name)).map((declaration) => ({ ...declaration, partitions: count ?? declaration.partitions }));
}

/** How a topic differs from its declaration; settings that are not declared are nobody's business. */
export function compareTopic(declared: TopicDeclaration, actual: TopicDescription | null): TopicDrift[] {
  const topic = declared.name;
  if (actual === null) return [{ topic, setting: 'existence', declared: 'exists', actual: 'missing' }];
  const settings: [string, string, string][] = [
    ['partitions', String(declared.partitions), String(actual.partitions)],
    ['replicationFactor', String(declared.replicationFactor), String(actual.replicationFactor)],
    ...Object.entries(declared.config).map(([name, value]): [string, string, string] => [name, value, actual.config[name] ?? 'unset']),
  ];
  return settings
    .filter(([, wanted, found]) => !sameSetting(wanted, found))
    .map(([setting, wanted, found]) => ({ topic, setting, declared: wanted, actual: found }));
}

/** Kafka answers in its own spelling: lists in any order, numbers with or without decimals. */
function sameSetting(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.trim() !== '' && b.trim() !== '' && Number(a) === Number(b)) return true;
  const list = (text: string): string => text.split(',').map((part) => part.trim()).sort().join();
  return list(a) === list(b);
}
