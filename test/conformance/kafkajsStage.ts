import net from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { Cluster, request } from '../../shared/kafka/kafkajs/cluster.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { FindCoordinatorReply } from '../../shared/kafka/kafkajs/replies.ts';
import type { Broker } from '../../shared/kafka/port.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { uniqueName } from '../topicNames.ts';
import type { BrokerStage } from './stage.ts';

const DEADLINE_MS = 30_000;
const POLL_MS = 5;

/** What tests do to a real cluster beside the port; one for a whole file. */
export interface Hands {
  expel(group: string, clientId: string): Promise<void>;
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void>;
  appendWithMarker(topic: string, partition: number, value: string): Promise<void>;
  close(): Promise<void>;
}

/** By KafkaJS itself, so that the driver under test is not its own witness; only leaving for somebody else needs a lower layer. */
export async function connectHands(brokers: readonly string[]): Promise<Hands> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'hands', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ transactionalId: uniqueName('hands'), maxInFlightRequests: 1, idempotent: true });
  const cluster = new Cluster(brokers, { clientId: 'hands', connectTimeoutMs: 3_000 }, systemClock, 5_000);
  await Promise.all([admin.connect(), producer.connect(), cluster.refresh()]);
  /** A producer has one transaction at a time. */
  let turn: Promise<void> = Promise.resolve();
  return {
    async expel(group, clientId) {
      const members = (await admin.describeGroups([group])).groups[0]?.members ?? [];
      const memberId = members.find((member) => member.clientId === clientId)?.memberId;
      if (memberId === undefined) throw new Error(`${clientId} is no member of ${group}`);
      const { coordinator } = await request<FindCoordinatorReply>(await cluster.anyLink('control'), 'GroupCoordinator', { groupId: group });
      await request(await cluster.link(coordinator.nodeId, 'control'), 'LeaveGroup', { groupId: group, memberId });
    },
    deleteRecords: (topic, partition, beforeOffset) => insist(async () => {
      // Makes the admin load the topic's metadata, which deleting takes for granted.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(beforeOffset) }] });
    }),
    appendWithMarker: (topic, partition, value) => (turn = turn.then(async () => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ partition, key: null, value }] });
      await transaction.commit();
    })),
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
      cluster.close();
    },
  };
}

/** A broker may refuse for a moment what the metadata says it leads: a new partition. KafkaJS's admin does not try again. */
async function insist(work: () => Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 10 * POLL_MS); });
    }
  }
}

/** The KafkaJS driver on a real cluster and real time: what is awaited is polled for until a deadline. */
export function createKafkajsStage(brokers: readonly string[], hands: Hands): BrokerStage {
  const networks = new Map<Broker, { cut: boolean; readonly sockets: Set<net.Socket> }>();

  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const deadlineMs = performance.now() + DEADLINE_MS;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  };

  return {
    broker() {
      const network = { cut: false, sockets: new Set<net.Socket>() };
      const broker = createKafkajsBroker({
        brokers,
        socketFactory({ host, port, onConnect }) {
          const socket = net.connect({ host, port }, onConnect);
          network.sockets.add(socket);
          socket.once('close', () => network.sockets.delete(socket));
          if (network.cut) socket.destroy(new Error('the network is cut'));
          return socket;
        },
      });
      networks.set(broker, network);
      return broker;
    },
    until,
    async wait(promise) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error('waited in vain for a promise')); }, DEADLINE_MS); });
      try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
    },
    uniqueName,
    now: () => systemClock.now(),
    sessionTimeoutMs: 6_000,
    cutOff(broker) {
      const network = networks.get(broker);
      if (network === undefined) throw new Error('not a broker of this stage');
      network.cut = true;
      for (const socket of network.sockets) socket.destroy(new Error('the network is cut'));
    },
    expel: hands.expel,
    deleteRecords: hands.deleteRecords,
    appendWithMarker: hands.appendWithMarker,
    dispose: () => Promise.resolve(),
  };
}
