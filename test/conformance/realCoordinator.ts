import { Kafka, logLevel } from 'kafkajs';
import { Cluster, request } from '../../shared/kafka/kafkajs/cluster.ts';
import { code } from '../../shared/kafka/kafkajs/failure.ts';
import { encodeAssignment, encodeSubscription } from '../../shared/kafka/kafkajs/group/memberData.ts';
import type { Link } from '../../shared/kafka/kafkajs/link.ts';
import type { FindCoordinatorReply, JoinGroupReply, OffsetCommitReply, SyncGroupReply } from '../../shared/kafka/kafkajs/replies.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { uniqueName } from '../topicNames.ts';
import type { CoordinatorStage, Verdict } from './coordinator.ts';

const SESSION_MS = 60_000;

/** The broker's own coordinator, spoken to request by request: each member on a connection of its own, for a join may wait for the others. */
export async function connectCoordinator(brokers: readonly string[]): Promise<CoordinatorStage> {
  const admin = new Kafka({ brokers: [...brokers], clientId: 'coordinator', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topic = uniqueName('coordinated');
  const groupId = uniqueName('group');
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] });
  const clusters = await Promise.all(['first', 'second'].map(async (clientId) => {
    const cluster = new Cluster(brokers, { clientId, connectTimeoutMs: 10_000 }, systemClock, 60_000);
    await cluster.refresh();
    return cluster;
  }));
  const linkOf = async (at: number, purpose: 'join' | 'group'): Promise<Link> => {
    const cluster = clusters[at] as Cluster;
    for (;;) {
      const { errorCode, coordinator } = await request<FindCoordinatorReply>(await cluster.anyLink('control'), 'GroupCoordinator', { groupId });
      if (errorCode === 0) return cluster.link(coordinator.nodeId, purpose);
      // A coordinator that is still loading is no news here.
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  };

  const newcomer = (): { id: string; joined: JoinGroupReply | null } => ({ id: '', joined: null });
  const members = [newcomer(), newcomer()] as const;
  let generation = -1;
  const join = async (at: 0 | 1): Promise<JoinGroupReply> => {
    const member = members[at];
    const link = await linkOf(at, 'join');
    const metadata = encodeSubscription([topic], { owned: [], generation: -1, retiring: false });
    for (;;) {
      const reply = await request<JoinGroupReply>(link, 'JoinGroup', { groupId, memberId: member.id, sessionTimeout: SESSION_MS, rebalanceTimeout: SESSION_MS, protocolType: 'consumer', groupProtocols: [{ name: 'test', metadata }] });
      member.id = reply.memberId;
      if (reply.errorCode === code.MEMBER_ID_REQUIRED) continue;
      if (reply.errorCode !== 0) throw new Error(`join: error ${reply.errorCode}`);
      generation = reply.generationId;
      return (member.joined = reply);
    }
  };
  const sync = async (at: 0 | 1): Promise<void> => {
    const { id, joined } = members[at];
    const groupAssignment = joined?.leaderId === id ? joined.members.map(({ memberId }) => ({ memberId, memberAssignment: encodeAssignment([topic], { partitions: [0], voided: [] }) })) : [];
    const { errorCode } = await request<SyncGroupReply>(await linkOf(at, 'join'), 'SyncGroup', { groupId, generationId: generation, memberId: id, groupAssignment });
    if (errorCode !== 0) throw new Error(`sync: error ${errorCode}`);
  };
  let second: Promise<JoinGroupReply> | null = null;

  return {
    async open() {
      await join(0);
      await sync(0);
    },
    async disturb() {
      second = join(1);
      second.catch(() => undefined);
      // The broker has taken the newcomer in when it tells the others to join again.
      for (;;) {
        const { errorCode } = await request<{ errorCode: number }>(await linkOf(0, 'group'), 'Heartbeat', { groupId, memberId: members[0].id, groupGenerationId: generation });
        if (errorCode === code.REBALANCE_IN_PROGRESS) return;
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    },
    async joinAll() {
      await Promise.all([join(0), second]);
    },
    async syncAll() {
      await Promise.all([sync(0), sync(1)]);
    },
    generation: () => generation,
    async commit(as, offset) {
      const topics = [{ topic, partitions: [{ partition: 0, offset, metadata: '' }] }];
      const reply = await request<OffsetCommitReply>(await linkOf(0, 'group'), 'OffsetCommit', { groupId, groupGenerationId: as, memberId: members[0].id, topics });
      return verdictOf(reply.responses[0]?.partitions[0]?.errorCode ?? -1);
    },
    async committed() {
      const offset = (await admin.fetchOffsets({ groupId, topics: [topic] }))[0]?.partitions.find(({ partition }) => partition === 0)?.offset;
      return offset === undefined || offset === '-1' ? null : Number(offset);
    },
    async expel() {
      await request(await linkOf(1, 'group'), 'LeaveGroup', { groupId, memberId: members[0].id });
    },
    async close() {
      for (const cluster of clusters) cluster.close();
      await admin.disconnect();
    },
  };
}

function verdictOf(errorCode: number): Verdict {
  switch (errorCode) {
    case 0: return 'taken';
    case code.REBALANCE_IN_PROGRESS:
    case code.ILLEGAL_GENERATION: return 'not now';
    case code.UNKNOWN_MEMBER_ID: return 'no member';
    default: throw new Error(`commit: error ${errorCode}`);
  }
}
