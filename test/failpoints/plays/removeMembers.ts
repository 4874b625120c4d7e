import { Cluster, request } from '../../../shared/kafka/kafkajs/cluster.ts';
import { Coordinator } from '../../../shared/kafka/kafkajs/group/coordinator.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

const TIMEOUT_MS = 10_000;

/** Takes a group's members out of it, in their name: what is dead need not be waited for until its session runs out. */
export async function removeMembers(brokers: string, group: string): Promise<void> {
  const cluster = new Cluster(brokers.split(','), { clientId: 'undertaker', connectTimeoutMs: TIMEOUT_MS }, systemClock, TIMEOUT_MS);
  try {
    await cluster.refresh();
    const link = await new Coordinator(cluster, group).link('group');
    const { groups } = await request<{ groups: readonly { readonly members: readonly { readonly memberId: string }[] }[] }>(link, 'DescribeGroups', { groupIds: [group] });
    for (const { memberId } of groups.flatMap(({ members }) => members)) await request(link, 'LeaveGroup', { groupId: group, memberId });
  } finally {
    cluster.close();
  }
}
