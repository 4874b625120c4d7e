import type { Admin } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';

/** The queues of a cluster: names of which all four topics are there. */
export async function findQueues(admin: Pick<Admin, 'listTopics'>): Promise<string[]> {
  const topics = new Set(await admin.listTopics());
  return [...topics].filter((name) => Object.values<string>({ ...queueTopicNames(name) }).every((topic) => topics.has(topic)));
}
