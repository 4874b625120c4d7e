import { isMillraceError, MillraceError } from '../../errors/MillraceError.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Admin, BrokerNode, CommittedPosition, GroupMember, PartitionCommit, TopicAlteration, TopicDeclaration, TopicDescription } from '../port.ts';
import { unspokenRequests } from './askedRequests.ts';
import { request, type Cluster } from './cluster.ts';
import { readCommitted } from './committedOffsets.ts';
import { code, errorOfCode, errorOfFailure } from './failure.ts';
import { commitTopics } from './commitTopics.ts';
import { readLogBounds, readOffsetsAt } from './logBounds.ts';
import { retryDelayMs, Sleeper } from './pause.ts';
import { decodeAssignment, decodeSubscription } from './group/memberData.ts';
import type { AlterConfigsReply, DescribeConfigsReply, DescribeGroupsReply, FindCoordinatorReply, MetadataReply, OffsetCommitReply, TopicErrorsReply } from './replies.ts';
import { waitForTopics } from './waitForTopics.ts';

const GIVE_UP_AFTER_MS = 10_000;
const TOPIC_RESOURCE = 2;
/** Where a setting comes from: the topic's own. */
const SET_ON_TOPIC = 1;
const MEMBERS_IN_THE_WAY: ReadonlySet<number> = new Set([code.UNKNOWN_MEMBER_ID, code.ILLEGAL_GENERATION, code.REBALANCE_IN_PROGRESS]);

/** The port's admin. Every call tries for up to 10 s while the cluster is not ready. */
export class KafkajsAdmin implements Admin {
  readonly #cluster: Cluster;
  readonly #clock: Clock;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  listTopics(): Promise<string[]> {
    return this.#insist(async () => {
      // No names ask for all, but only as null: this encoder writes null for an empty list.
      const reply = await request<MetadataReply>(await this.#cluster.anyLink('control'), 'Metadata', { topics: [], allowAutoTopicCreation: false });
      return reply.topicMetadata.map(({ topic }) => topic).filter((topic) => !topic.startsWith('__')).toSorted();
    });
  }

  groupMembers(group: string): Promise<GroupMember[]> {
    return this.#insist(async () => {
      const link = await this.#coordinator(group);
      const reply = await request<DescribeGroupsReply>(link, 'DescribeGroups', { groupIds: [group] });
      const members = reply.groups.flatMap((found) => {
        if (found.errorCode !== 0) throw errorOfCode(found.errorCode, { at: group });
        return found.members;
      });
      return members.map(({ clientId, memberMetadata, memberAssignment }) => ({
        clientId, partitions: [...decodeAssignment(memberAssignment).partitions], kinds: memberMetadata === null ? null : decodeSubscription('', memberMetadata).kinds,
      }));
    });
  }

  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    return this.#insist(async () => {
      await this.#look(names);
      const known = names.filter((name) => this.#cluster.topic(name) !== undefined);
      const configs = new Map<string, Record<string, string>>();
      if (known.length > 0) {
        const reply = await request<DescribeConfigsReply>(await this.#cluster.anyLink('control'), 'DescribeConfigs', { resources: known.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: [] })), includeSynonyms: false });
        for (const { resourceName, errorCode, configEntries } of reply.resources) {
          if (errorCode === code.UNKNOWN_TOPIC_OR_PARTITION) continue;
          if (errorCode !== 0) throw errorOfCode(errorCode, { at: resourceName });
          configs.set(resourceName, Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue ?? ''])));
        }
      }
      return names.map((name) => {
        const [view, config] = [this.#cluster.topic(name), configs.get(name)];
        return view === undefined || config === undefined ? null : { name, partitions: view.partitions, replicationFactor: view.replicationFactor, config };
      });
    });
  }

  async createTopics(topics: readonly TopicDeclaration[]): Promise<void> {
    if (topics.length === 0) return;
    await this.#insist(async () => {
      const reply = await request<TopicErrorsReply>(await this.#controllerLink(), 'CreateTopics', {
        validateOnly: false,
        timeout: 5000,
        topics: topics.map(({ name, partitions, replicationFactor, config }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        })),
      });
      for (const { topic, errorCode, errorMessage } of reply.topicErrors) {
        if (errorCode !== 0 && errorCode !== code.TOPIC_ALREADY_EXISTS) throw errorOfCode(errorCode, { at: topic, ...(errorMessage ? { fix: errorMessage } : {}) });
      }
    });
    await this.#insist(async () => {
      await this.#look(topics.map(({ name }) => name));
      for (const { name } of topics) {
        const view = this.#cluster.topic(name);
        if (view === undefined || view.leaders.size < view.partitions) throw new MillraceError('BROKER_UNAVAILABLE', { at: name, got: 'a topic without leaders yet' });
      }
    });
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.#insist(async () => {
      const reply = await request<TopicErrorsReply>(await this.#controllerLink(), 'DeleteTopics', { topics: [...names], timeout: 5000 });
      for (const { topic, errorCode } of reply.topicErrors) {
        if (errorCode !== 0 && errorCode !== code.UNKNOWN_TOPIC_OR_PARTITION) throw errorOfCode(errorCode, { at: topic });
      }
    });
    await this.#insist(async () => {
      await this.#look(names);
      for (const name of names) if (this.#cluster.topic(name) !== undefined) throw new MillraceError('BROKER_UNAVAILABLE', { at: name, got: 'a deleted topic that is still there' });
    });
  }

  logBounds(topic: string): Promise<{ partition: number; startOffset: number; endOffset: number }[]> {
    return this.#insist(async () => {
      const partitions = await this.#partitions(topic);
      const bounds = await readLogBounds(this.#cluster, topic, partitions);
      return partitions.map((partition) => ({ partition, ...(bounds.get(partition) ?? { startOffset: 0, endOffset: 0 }) }));
    });
  }

  committed(group: string, topic: string): Promise<{ partition: number; position: CommittedPosition | null }[]> {
    return this.#insist(async () => {
      const partitions = await this.#partitions(topic);
      const positions = await readCommitted(await this.#coordinator(group), group, [topic], partitions);
      return partitions.map((partition) => ({ partition, position: positions.get(topic)?.get(partition) ?? null }));
    });
  }

  offsetsAt(topic: string, timeMs: number): Promise<{ partition: number; offset: number | null }[]> {
    return this.#insist(async () => {
      const partitions = await this.#partitions(topic);
      const found = await readOffsetsAt(this.#cluster, topic, partitions, timeMs);
      return partitions.map((partition) => ({ partition, offset: (found.get(partition) ?? -1) < 0 ? null : found.get(partition) ?? null }));
    });
  }

  setCommitted(group: string, commits: readonly PartitionCommit[]): Promise<void> {
    return this.#insist(async () => {
      const topics = commitTopics(commits);
      if (topics.length === 0) return;
      const reply = await request<OffsetCommitReply>(await this.#coordinator(group), 'OffsetCommit', { groupId: group, groupGenerationId: -1, memberId: '', topics });
      for (const { topic, partitions } of reply.responses) {
        for (const { partition, errorCode } of partitions) {
          if (MEMBERS_IN_THE_WAY.has(errorCode)) throw new MillraceError('GROUP_IN_USE', { at: group });
          if (errorCode !== 0) throw errorOfCode(errorCode, { at: `position of ${group} in ${topic}/${partition}` });
        }
      }
    });
  }

  async alterTopics(alterations: readonly TopicAlteration[]): Promise<void> {
    for (const { name, config, partitions } of alterations) {
      if (config !== undefined) await this.#insist(() => this.#alterConfig(name, config));
      if (partitions === undefined) continue;
      await this.#insist(async () => {
        const reply = await request<TopicErrorsReply>(await this.#controllerLink(), 'CreatePartitions', { topicPartitions: [{ topic: name, count: partitions }], timeout: 5000, validateOnly: false });
        for (const { topic, errorCode, errorMessage } of reply.topicErrors) if (errorCode !== 0) throw errorOfCode(errorCode, { at: topic, ...(errorMessage ? { fix: errorMessage } : {}) });
      });
    }
  }

  /** This request replaces all that was ever set of a topic, so what stays must be said again. */
  async #alterConfig(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    const link = await this.#controllerLink();
    const before = await request<DescribeConfigsReply>(link, 'DescribeConfigs', { resources: [{ type: TOPIC_RESOURCE, name, configNames: [] }], includeSynonyms: false });
    const found = before.resources.find(({ resourceName }) => resourceName === name);
    if (found === undefined || found.errorCode !== 0) throw errorOfCode(found?.errorCode ?? code.UNKNOWN_TOPIC_OR_PARTITION, { at: name });
    const kept = Object.fromEntries(found.configEntries.flatMap(({ configName, configValue, configSource }) => (configSource === SET_ON_TOPIC && configValue !== null ? [[configName, configValue]] : [])));
    const configEntries = Object.entries({ ...kept, ...config }).map(([entry, value]) => ({ name: entry, value }));
    const reply = await request<AlterConfigsReply>(link, 'AlterConfigs', { resources: [{ type: TOPIC_RESOURCE, name, configEntries }], validateOnly: false });
    for (const { resourceName, errorCode, errorMessage } of reply.resources) if (errorCode !== 0) throw errorOfCode(errorCode, { at: resourceName, ...(errorMessage ? { fix: errorMessage } : {}) });
  }

  describeCluster(): Promise<{ brokers: BrokerNode[]; controller: number | null }> {
    return this.#insist(async () => {
      const reply = await request<MetadataReply>(await this.#cluster.anyLink('control'), 'Metadata', { topics: [], allowAutoTopicCreation: false });
      const brokers = reply.brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${port}` })).toSorted((a, b) => a.id - b.id);
      return { brokers, controller: reply.controllerId < 0 ? null : reply.controllerId };
    });
  }

  async protocolGaps(): Promise<{ broker: BrokerNode; gaps: readonly string[] | null }[]> {
    const { brokers } = await this.describeCluster();
    return Promise.all(brokers.map(async (broker) => {
      try {
        return { broker, gaps: unspokenRequests((await this.#cluster.link(broker.id, 'control')).versions) };
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        return { broker, gaps: null };
      }
    }));
  }

  close(): Promise<void> {
    this.#cluster.close();
    return Promise.resolve();
  }

  async #coordinator(group: string): Promise<Awaited<ReturnType<Cluster['link']>>> {
    const found = await request<FindCoordinatorReply>(await this.#cluster.anyLink('control'), 'GroupCoordinator', { groupId: group });
    if (found.errorCode !== 0) throw errorOfCode(found.errorCode, { at: `coordinator of ${group}` });
    return this.#cluster.link(found.coordinator.nodeId, 'control');
  }

  async #partitions(topic: string): Promise<number[]> {
    const counts = await waitForTopics(this.#cluster, [topic], this.#clock);
    return Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => partition);
  }

  async #look(names: readonly string[]): Promise<void> {
    this.#cluster.want(names);
    await this.#cluster.refresh();
    for (const name of names) if (this.#cluster.topic(name) === undefined) this.#cluster.forget(name);
  }

  async #controllerLink(): Promise<Awaited<ReturnType<Cluster['link']>>> {
    await this.#cluster.refresh();
    return this.#cluster.controller < 0 ? this.#cluster.anyLink('control') : this.#cluster.link(this.#cluster.controller, 'control');
  }

  async #insist<T>(attempt: () => Promise<T>): Promise<T> {
    const sleeper = new Sleeper(this.#clock);
    const startMs = this.#clock.monotonic();
    for (let count = 1; ; count++) {
      try {
        return await attempt();
      } catch (error) {
        const failure = errorOfFailure(error);
        if (!failure.retriable || this.#clock.monotonic() - startMs > GIVE_UP_AFTER_MS) throw failure;
      }
      await sleeper.sleep(retryDelayMs(count));
    }
  }
}
