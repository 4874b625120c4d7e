import { join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { clusterIdOf, newClusterId, startBroker, startFailed, untilServing, type Broker, type BrokerPlan, type BrokerProfile } from './broker.ts';
import type { BrokerNode } from './brokerProperties.ts';
import { JAVA_NEEDED } from './chooseKafkaSource.ts';
import { findJava } from './findTool.ts';
import { freePorts, isFree } from './freePorts.ts';
import type { HostProcess, Report } from './hostProcess.ts';
import { kafkaJars } from './kafkaJars.ts';

const DEFAULT_START_WITHIN_MS = 60_000;
/** A port that was free may be taken when the broker binds it; then others are tried, this often in all. */
const TRIES = 3;

export interface KafkaOptions {
  /** The process that starts it (`process`): environment, pid, kill. */
  readonly host: HostProcess;
  /** Where the jars are kept, shared by all projects and processes of a machine that like to share. */
  readonly cacheDir: string;
  /** Where topics and logs are kept. A second start on the same folder finds them again. */
  readonly dataDir: string;
  /** Default `fast-start`. */
  readonly profile?: BrokerProfile;
  /** Broker properties that win over the defaults of `brokerProperties.ts`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** First port that is tried; 0 means any. Broker n takes this + 2(n-1), its controller the one above. Default 9092. */
  readonly port?: number;
  /** How long brokers may take until they serve. Default 60 s. */
  readonly startWithinMs?: number;
  /**
   * Gives each broker a second listener that clients reach through somebody else: told its port on 127.0.0.1, answers with the port
   * that the broker shall advertise. Clients that begin there are led there always; brokers and `KafkaCluster.brokers` keep the first.
   * Called again, with another port, when the first was taken meanwhile.
   */
  readonly front?: (nodeId: number, port: number) => Promise<number>;
  readonly report?: Report;
  readonly clock?: Clock;
}

/** A running Kafka of one broker. */
export interface Kafka {
  /** Bootstrap addresses, `host:port`, comma-separated. */
  readonly brokers: string;
  readonly pid: number;
  /** What the broker says, appended over starts. */
  readonly logFile: string;
  /** Clean stop (SIGTERM, then SIGKILL after 10 s); resolves when it is gone. Twice is once. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when the broker has ended, for whatever reason. */
  readonly ended: Promise<unknown>;
}

/** A running Kafka of several brokers; nodes are numbered from 1. */
export interface KafkaCluster {
  readonly brokers: string;
  /** The broker that runs, or ran last, under that number. */
  node(nodeId: number): Broker;
  /** Starts a killed or stopped broker again, on its folder and ports; resolves when it serves. */
  restart(nodeId: number): Promise<Broker>;
  /** Clean stop of all at once. */
  stop(): Promise<void>;
}

/**
 * Starts one real Kafka broker of its own jars on 127.0.0.1, and resolves when it serves. The jars are downloaded once,
 * the data folder formatted once. The broker ends with its parent, even when the parent is killed.
 *
 * @throws MillraceError EMBEDDED_START_FAILED: no Java 17, no Maven for the first download, or the broker gave up (its last log lines are in the message).
 */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const cluster = await startKafkaCluster({ ...options, brokers: 1 });
  const only = cluster.node(1);
  return { brokers: cluster.brokers, pid: only.pid, logFile: only.logFile, ended: only.ended, stop: () => only.stop(), kill: () => only.kill() };
}

/**
 * As {@link startKafka}, with several brokers (replication factor up to 3, minimum in sync one less), each of which can
 * be killed, paused and restarted.
 */
export async function startKafkaCluster(options: KafkaOptions & { readonly brokers: number }): Promise<KafkaCluster> {
  const { host, cacheDir, dataDir, report = () => {}, clock = systemClock, startWithinMs = DEFAULT_START_WITHIN_MS } = options;
  const java = await findJava(host.env);
  if (java === undefined || java.major < JAVA_NEEDED) {
    throw new MillraceError('EMBEDDED_START_FAILED', { at: 'Kafka', expected: `Java ${JAVA_NEEDED} or newer`, got: java?.major, fix: 'Install a JRE 17, or set JAVA_HOME to one.' });
  }
  const jars = await kafkaJars({ host, clock, cacheDir, java, report });
  const folder = (nodeId: number): string => join(dataDir, `broker-${nodeId}`);
  const common = {
    host, clock, java, jars, startWithinMs,
    profile: options.profile ?? 'fast-start',
    overrides: options.properties ?? {},
    clusterId: await clusterIdOf(folder(1)) ?? newClusterId(),
  };

  for (let tries = 1; ; tries++) {
    const cluster = await placeNodes(options.brokers, tries === 1 ? options.port ?? 9092 : 0, options.front);
    const plan: BrokerPlan = { ...common, cluster };
    const all = cluster.map(({ nodeId }) => nodeId);
    const brokers = await startAll(cluster.map((node) => startBroker(plan, node, folder(node.nodeId))));
    const readiness = await Promise.all(brokers.map((broker) => untilServing(plan, broker, all)));
    const failed = brokers.find((_, index) => readiness[index] !== 'serving');
    if (failed === undefined) return clusterOf(plan, brokers, folder);
    await Promise.all(brokers.map((broker) => broker.kill()));
    const portWasTaken = !(await Promise.all(cluster.flatMap((node) => [node.port, node.controllerPort, ...(node.fronted === undefined ? [] : [node.fronted.port])].map(isFree)))).every(Boolean);
    if (!portWasTaken || tries === TRIES) throw await startFailed(`Kafka broker ${failed.node.nodeId}`, failed.logFile);
  }
}

/** Numbers, ports and controller ports for so many brokers, from `first` upwards where those are free. */
async function placeNodes(count: number, first: number, front: KafkaOptions['front']): Promise<BrokerNode[]> {
  const wishes = Array.from({ length: 2 * count }, (_, index) => (first === 0 ? 0 : first + index));
  const ports = await freePorts(front === undefined ? wishes : [...wishes, ...Array.from({ length: count }, () => 0)]);
  return Promise.all(Array.from({ length: count }, async (_, index) => {
    const node = { nodeId: index + 1, port: ports[2 * index] ?? 0, controllerPort: ports[2 * index + 1] ?? 0 };
    if (front === undefined) return node;
    const port = ports[2 * count + index] ?? 0;
    return { ...node, fronted: { port, advertisedPort: await front(node.nodeId, port) } };
  }));
}

/** All of them, or none: when one cannot be started, the others are killed. */
async function startAll(starts: ReadonlyArray<Promise<Broker>>): Promise<Broker[]> {
  const results = await Promise.allSettled(starts);
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const refused = results.find((result) => result.status === 'rejected');
  if (refused === undefined) return started;
  await Promise.all(started.map((broker) => broker.kill()));
  throw refused.reason;
}

function clusterOf(plan: BrokerPlan, started: readonly Broker[], folder: (nodeId: number) => string): KafkaCluster {
  const running = new Map(started.map((broker) => [broker.node.nodeId, broker]));
  const node = (nodeId: number): Broker => {
    const broker = running.get(nodeId);
    if (broker === undefined) throw new MillraceError('NOT_RUNNING', { at: 'Kafka broker', expected: `a number from 1 to ${started.length}`, got: nodeId });
    return broker;
  };
  return {
    brokers: started.map((broker) => `127.0.0.1:${broker.node.port}`).join(','),
    node,
    async restart(nodeId) {
      const broker = await startBroker(plan, node(nodeId).node, folder(nodeId));
      running.set(nodeId, broker);
      if (await untilServing(plan, broker, [nodeId]) === 'serving') return broker;
      await broker.kill();
      throw await startFailed(`Kafka broker ${nodeId}`, broker.logFile);
    },
    async stop() { await Promise.all([...running.values()].map((broker) => broker.stop())); },
  };
}
