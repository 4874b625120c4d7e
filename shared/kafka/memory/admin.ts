import type { Admin, Broker } from '../port.ts';
import type { Liveness } from './liveness.ts';
import type { World } from './world.ts';

export function createMemoryAdmin(world: World, broker: Broker, liveness: Liveness, clientId: string, deleteTopic: (name: string) => void): Admin {
  world.clients.push({ broker, clientId, liveness, memberId: () => null });
  const roundTrip = (): Promise<void> => new Promise((resolve) => { world.clock.after(world.latencyMs('admin'), () => { liveness.fromBroker(resolve); }); });
  return {
    async listTopics() {
      await roundTrip();
      return world.topics.names();
    },
    async groupMembers(group) {
      await roundTrip();
      return world.group(group).describe().members.map(({ clientId, partitions, kinds }) => ({ clientId, partitions: [...partitions], kinds }));
    },
    async describeTopics(names) {
      await roundTrip();
      return names.map((name) => world.topics.find(name)?.description ?? null);
    },
    async createTopics(topics) {
      await roundTrip();
      for (const topic of topics) world.topics.create(topic);
    },
    async deleteTopics(names) {
      await roundTrip();
      for (const name of names) deleteTopic(name);
    },
    async logBounds(topic) {
      await roundTrip();
      return world.topics.get(topic).logs.map((log, partition) => ({ partition, startOffset: log.startOffset(), endOffset: log.endOffset() }));
    },
    async committed(group, topic) {
      await roundTrip();
      return world.topics.get(topic).logs.map((_log, partition) => ({ partition, position: world.group(group).committed(topic, partition) }));
    },
    async offsetsAt(topic, timeMs) {
      await roundTrip();
      return world.topics.get(topic).logs.map((log, partition) => ({ partition, offset: log.all().find(({ timestampMs }) => timestampMs >= timeMs)?.offset ?? null }));
    },
    async alterTopics(alterations) {
      await roundTrip();
      for (const alteration of alterations) world.topics.alter(alteration);
    },
    async describeCluster() {
      await roundTrip();
      return { brokers: [{ id: 1, address: 'memory:9092' }], controller: 1 };
    },
    async protocolGaps() {
      await roundTrip();
      return [{ broker: { id: 1, address: 'memory:9092' }, gaps: [] }];
    },
    async setCommitted(group, commits) {
      await roundTrip();
      world.group(group).setCommitted(commits);
    },
    close: () => Promise.resolve(),
  };
}
