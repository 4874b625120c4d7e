import { askCluster } from '../../../shared/embedded/askCluster.ts';
import { failOnError, request, Cluster } from '../../../shared/kafka/kafkajs/cluster.ts';
import type { FindCoordinatorReply } from '../../../shared/kafka/kafkajs/replies.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { NODES, type ChaosCluster } from './chaosCluster.ts';

const ANSWER_WITHIN_MS = 1500;
const POLL_MS = 100;

/** The broker that leads most partitions of a topic, and how many; null when nobody says. */
export async function findLeader(cluster: ChaosCluster, topic: string): Promise<{ readonly nodeId: number; readonly partitions: number } | null> {
  return ask(cluster, async (client) => {
    client.want([topic]);
    await client.refresh();
    const counts = new Map<number, number>();
    for (const leader of client.topic(topic)?.leaders.values() ?? []) counts.set(leader, (counts.get(leader) ?? 0) + 1);
    const [most] = [...counts].sort(([, a], [, b]) => b - a);
    return most === undefined ? null : { nodeId: most[0], partitions: most[1] };
  });
}

/** The broker that coordinates a group (it leads the group's partition of the offsets topic); null when nobody says. */
export async function findCoordinator(cluster: ChaosCluster, group: string): Promise<number | null> {
  return ask(cluster, async (client) => {
    const found = await request<FindCoordinatorReply>(await client.anyLink('control'), 'GroupCoordinator', { groupId: group });
    failOnError(found.errorCode, group);
    return found.coordinator.nodeId;
  });
}

/** Waits until every partition of every topic has all its replicas in sync, at most so long. @returns whether they are */
export async function untilInSync(cluster: ChaosCluster, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    const lagging = await ask(cluster, async (client) => {
      // No topic at all means every one.
      const { topicMetadata } = await request<{ topicMetadata: { partitionMetadata: { replicas: number[]; isr: number[] }[] }[] }>(await client.anyLink('control'), 'Metadata', { topics: [], allowAutoTopicCreation: false });
      return topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata).filter(({ replicas, isr }) => isr.length < replicas.length).length;
    });
    if (lagging === 0) return true;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  return false;
}

/** Asks over a connection of its own, beside the proxies, a broker that answers. */
async function ask<T>(cluster: ChaosCluster, question: (client: Cluster) => Promise<T>): Promise<T | null> {
  for (const nodeId of NODES) {
    const { port } = cluster.kafka.node(nodeId).node;
    if (await askCluster(port, ANSWER_WITHIN_MS) === undefined) continue;
    const client = new Cluster([`127.0.0.1:${port}`], { clientId: 'chaos', connectTimeoutMs: ANSWER_WITHIN_MS }, systemClock, ANSWER_WITHIN_MS);
    try {
      return await question(client);
    } catch {
      // It knows nothing now; another may.
    } finally {
      client.close();
    }
  }
  return null;
}
