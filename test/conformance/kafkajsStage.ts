import { Kafka, logLevel, type Admin as KafkajsClientAdmin } from 'kafkajs';
import type { Socket } from 'node:net';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { kafkajsInternals, type SocketFactory } from '../../shared/kafka/kafkajs/internals.ts';
import { Link } from '../../shared/kafka/kafkajs/link.ts';
import type { Broker } from '../../shared/kafka/port.ts';
import { uniqueName } from '../topicNames.ts';
import type { BrokerStage } from './stage.ts';

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 5;

/** A real Kafka on real time. What the port does not offer is done with KafkaJS's public client. */
export function createKafkajsStage(brokers: readonly string[]): BrokerStage {
  const cables = new Map<Broker, Cable>();
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'stage', logLevel: logLevel.NOTHING });
  const asAdmin = async (run: (admin: KafkajsClientAdmin) => Promise<void>): Promise<void> => {
    const admin = kafka.admin();
    await admin.connect();
    try {
      await run(admin);
    } finally {
      await admin.disconnect();
    }
  };
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const startedMs = performance.now();
    while (!condition()) {
      if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
    }
  };
  return {
    broker() {
      const cable = createCable();
      const broker = createKafkajsBroker({ brokers, socketFactory: cable.socketFactory });
      cables.set(broker, cable);
      return broker;
    },
    until,
    wait: (promise) => promise,
    uniqueName: (prefix) => uniqueName(prefix),
    now: () => Date.now(),
    sessionTimeoutMs: 6_000,
    cutOff: (broker) => { cables.get(broker)?.cut(); },
    expel: (group, clientId) => asAdmin(async (admin) => {
      const { members } = await admin.describeGroup(group);
      const member = members.find((one) => one.clientId === clientId);
      const coordinator = brokers[0]?.split(':') ?? [];
      const link = await Link.open({ clientId: 'stage', connectTimeoutMs: 3000 }, coordinator[0] ?? '', Number(coordinator[1]), 5000);
      await link.request('LeaveGroup', { groupId: group, memberId: member?.memberId });
      link.close();
    }),
    deleteRecords: (topic, partition, beforeOffset) => asAdmin((admin) => admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(beforeOffset) }] })),
    async appendWithMarker(topic, partition, value) {
      const producer = kafka.producer({ transactionalId: uniqueName('transaction'), idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ partition, value }] });
      await transaction.commit();
      await producer.disconnect();
    },
    dispose: () => Promise.resolve(),
  };
}

/** All connections of one broker object; cut, they are dead for good and no new one opens. */
export interface Cable {
  readonly socketFactory: SocketFactory;
  cut(): void;
  mend(): void;
}

export function createCable(): Cable {
  const { defaultSocketFactory } = kafkajsInternals();
  const open = defaultSocketFactory();
  const sockets = new Set<Socket>();
  let isCut = false;
  return {
    socketFactory: (options) => {
      const socket = open(options);
      sockets.add(socket);
      socket.on('close', () => { sockets.delete(socket); });
      if (isCut) socket.destroy(new Error('the cable is cut'));
      return socket;
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy(new Error('the cable is cut'));
    },
    mend() { isCut = false; },
  };
}
