import { MillraceError } from '../errors/MillraceError.ts';
import { MAX_SCOPE_BYTES, formatScope, parseScope, type Scope } from '../jobs/scope.ts';
import { pauseRecord, readRetryRecord } from '../kafka/envelope.ts';
import { partitionFor } from '../kafka/partitionFor.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';

/** What a pause stops. Left out: the whole queue. */
export interface PauseScope {
  /** The jobs of this kind. Not together with `key`. */
  readonly kind?: string;
  /** The jobs of this entity. */
  readonly key?: string | Buffer;
}

/** Something that stands still. */
export interface Pause {
  readonly scope: Scope;
  /** The partitions where it holds. */
  readonly partitions: readonly number[];
}

/**
 * Asks the owners of a queue's partitions to start nothing of the scope (`pause`), or to go on (`resume`). What runs ends; what waits keeps its
 * place. It holds through restarts until it is resumed, each scope by itself. Resolves when Kafka has the commands; an owner heeds them when it reads
 * them, which is soon.
 * @throws MillraceError BAD_COMMAND, BROKER_UNAVAILABLE, TOPIC_MISSING
 */
export async function commandPause(tools: CommandTools, queue: string, command: 'pause' | 'resume', given: PauseScope = {}): Promise<void> {
  const scope = readScope(given);
  const topic = queueTopicNames(queue).retry;
  const count = await tools.producer.partitionCount(topic);
  const partitions = scope.type === 'key' ? [partitionFor(scope.key, count)] : Array.from({ length: count }, (_, partition) => partition);
  const record = pauseRecord(`${command}/${createCommandId(tools)}`, command, formatScope(scope));
  await Promise.all(partitions.map((partition) => tools.producer.send(topic, partition, [record])));
}

/** What of a queue stands still, by the last word about each scope; reads the retry topic. */
export async function listPauses({ broker, admin, ...tools }: CommandTools, queue: string): Promise<Pause[]> {
  const { main, retry } = queueTopicNames(queue);
  const paused = new Map<string, Set<number>>();
  const commanded = new Set<string>();
  /** The owner carries commands out in their order, and its marks come later: they tell only where commands are forgotten. */
  const say = (scope: string, partition: number, on: boolean, byOperator: boolean): void => {
    const place = `${partition}/${scope}`;
    if (byOperator) commanded.add(place);
    else if (commanded.has(place)) return;
    const partitions = paused.get(scope) ?? new Set();
    paused.set(scope, partitions);
    if (on) partitions.add(partition);
    else partitions.delete(partition);
  };
  await scanTopic({
    broker, admin, topic: retry, scanId: createCommandId({ broker, admin, ...tools }),
    visit: (partition, record) => {
      const read = readRetryRecord(record, main, partition, 0);
      if (read.type === 'pause') say(read.scope, partition, read.on, true);
      else if ((read.type === 'mark' || read.type === 'applied') && read.key.startsWith(PAUSE_MARK)) say(read.key.slice(PAUSE_MARK.length), partition, read.type === 'mark', false);
    },
  });
  return [...paused].flatMap(([text, partitions]) => {
    const scope = parseScope(text);
    return scope === null || partitions.size === 0 ? [] : [{ scope, partitions: [...partitions].sort((a, b) => a - b) }];
  });
}

/** In front of a scope in the key of its mark. A command's own key has no colon and is not `queue`, so it is no scope. */
const PAUSE_MARK = 'pause/';

function readScope({ kind, key }: PauseScope): Scope {
  if (kind !== undefined && key !== undefined) refuse('scope', 'either a kind or a key', { kind, key });
  if (kind !== undefined) return typeof kind === 'string' && kind !== '' && Buffer.byteLength(kind) <= MAX_SCOPE_BYTES ? { type: 'kind', kind } : refuse('kind', 'the name of a kind', kind);
  if (key === undefined) return { type: 'queue' };
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return bytes.length > 0 && bytes.length <= MAX_SCOPE_BYTES ? { type: 'key', key: bytes } : refuse('key', `an entity's key of 1 to ${MAX_SCOPE_BYTES} bytes`, key);
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_COMMAND', { at, expected, got });
}
