import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Scene } from '../../guarantees/scene.ts';
import { headerNames, readRetryRecord } from '../../../shared/kafka/envelope.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';

/**
 * The jobs that are in the main topic, whoever knows of it; the payload begins with "entity#sequence".
 * @param readValue gives the payload of a value that only refers to it
 */
export async function readMainLog({ broker, admin, workload: { queue } }: Scene, readValue: (value: Buffer | null) => Buffer | null = (value) => value): Promise<AcceptedJob[]> {
  const jobs: AcceptedJob[] = [];
  await scanTopic({
    broker, admin, topic: queue,
    visit(partition, { offset, key, value, headers }) {
      const id = headers?.[headerNames.id]?.toString() ?? '';
      const sequence = /#(\d+)/.exec(readValue(value)?.toString('latin1') ?? '')?.[1];
      jobs.push({ id, entity: key?.toString() ?? '', sequence: Number(sequence), partition, offset });
    },
  });
  return jobs;
}

/** `partition/offset` of the jobs that somebody commanded something about. */
export async function readCommanded({ broker, admin, workload: { queue } }: Scene): Promise<Set<string>> {
  const commanded = new Set<string>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).retry,
    visit(_partition, { headers }) {
      if (headers?.[headerNames.command] === undefined) return;
      const [, partition, offset] = headers[headerNames.origin]?.toString().split('/') ?? [];
      commanded.add(`${partition}/${offset}`);
    },
  });
  return commanded;
}

/** The entities that stand still, by the marks of the partitions' owners: they have heeded the command. */
export async function readPausedKeys({ broker, admin, workload: { queue } }: Scene): Promise<Set<string>> {
  const paused = new Set<string>();
  await scanTopic({
    broker, admin, topic: queueTopicNames(queue).retry,
    visit(partition, record) {
      const read = readRetryRecord(record, queue, partition, 0);
      if (read.type !== 'mark' && read.type !== 'applied') return;
      const key = /^pause\/key:(.*)$/s.exec(read.key)?.[1];
      if (key === undefined) return;
      if (read.type === 'mark') paused.add(key);
      else paused.delete(key);
    },
  });
  return paused;
}
