import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Scene } from '../../guarantees/scene.ts';
import { headerNames } from '../../../shared/kafka/envelope.ts';
import { scanTopic } from '../../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';

/** The jobs that are in the main topic, whoever knows of it; the payload begins with "entity#sequence". */
export async function readMainLog({ broker, admin, workload: { queue } }: Scene): Promise<AcceptedJob[]> {
  const jobs: AcceptedJob[] = [];
  await scanTopic({
    broker, admin, topic: queue,
    visit(partition, { offset, key, value, headers }) {
      const id = headers?.[headerNames.id]?.toString() ?? '';
      const sequence = /#(\d+)/.exec(value?.toString('latin1') ?? '')?.[1];
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
