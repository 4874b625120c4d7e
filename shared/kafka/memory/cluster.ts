import type { Clock } from '../../runtime/clock.ts';
import type { Broker } from '../port.ts';
import { createMemoryAdmin } from './admin.ts';
import { createMemoryConsumer } from './consumer.ts';
import { createHooks, type CommitDecision, type CommitRequest, type FetchDecision, type FetchRequest, type ProduceDecision, type ProduceRequest } from './faultHooks.ts';
import { createFaults, type Faults } from './faults.ts';
import { createGroup, type Group } from './group.ts';
import { createInspect, type Inspect } from './inspect.ts';
import { createLiveness } from './liveness.ts';
import { createMemoryProducer } from './producer.ts';
import { createTopics } from './topics.ts';
import type { LatencyStep, World } from './world.ts';

export interface MemoryClusterOptions {
  readonly clock: Clock;
  /** Numbers in [0, 1); asked only for {@link gapShare} and by {@link latencyMs}. */
  readonly random: () => number;
  /** How long a step takes. Default: 1 ms each. Whatever it says, one client's requests to one partition keep their order. */
  readonly latencyMs?: (step: LatencyStep, random: () => number) => number;
  /** Share of sends (0..1) that are followed by an offset without a record, as transactions leave them. Default 0. */
  readonly gapShare?: number;
}

export interface MemoryCluster {
  /** A new connection to the cluster; faults can strike it apart from others, so make one for each process that the test plays. */
  broker(): Broker;
  readonly faults: Faults;
  readonly inspect: Inspect;
}

/**
 * A Kafka cluster in memory, behind the broker port. Nothing is called or settled within a call: everything takes its way over the clock. So
 * with a virtual clock and a seeded random a run is the same each time. Bytes are copied on their way in and out.
 *
 * What it leaves out: replicas and their loss, transactions, quotas, topics that grow partitions, groups that expire.
 */
export function createMemoryCluster({ clock, random, latencyMs = () => 1, gapShare = 0 }: MemoryClusterOptions): MemoryCluster {
  const groups = new Map<string, Group>();
  const hookListeners = new Set<() => void>();
  const hooksChanged = (): void => { for (const run of [...hookListeners]) run(); };
  const world: World = {
    clock,
    random,
    latencyMs: (step) => latencyMs(step, random),
    gapShare,
    topics: createTopics((...news) => { for (const watcher of world.watchers) watcher.appended?.(...news); }),
    group(name) {
      let group = groups.get(name);
      if (group === undefined) groups.set(name, (group = createGroup(world, name)));
      return group;
    },
    clients: [],
    watchers: new Set(),
    produceHooks: createHooks<ProduceRequest, ProduceDecision>(hooksChanged),
    commitHooks: createHooks<CommitRequest, CommitDecision>(hooksChanged),
    fetchHooks: createHooks<FetchRequest, FetchDecision>(hooksChanged),
    onHooksChanged(run) {
      hookListeners.add(run);
      return () => { hookListeners.delete(run); };
    },
  };
  const deleteTopic = (name: string): void => {
    world.topics.delete(name);
    for (const group of groups.values()) group.forget(name);
  };
  const createBroker = (): Broker => {
    const broker: Broker = {
      createProducer: ({ clientId }) => createMemoryProducer(world, broker, createLiveness(), clientId),
      createConsumer: (options, listener) => createMemoryConsumer(world, broker, createLiveness(), options, listener),
      createAdmin: ({ clientId }) => createMemoryAdmin(world, broker, createLiveness(), clientId, deleteTopic),
    };
    return broker;
  };
  return { broker: createBroker, faults: createFaults(world, groups), inspect: createInspect(world, deleteTopic) };
}
