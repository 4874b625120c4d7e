import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import { askCluster } from './askCluster.ts';
import { asProperties, brokerSettings, LOG4J_PROPERTIES, type BrokerNode } from './brokerProperties.ts';
import { exists } from './fetchOnce.ts';
import type { Java } from './findTool.ts';
import { startGuarded, tailOf, type Ended, type GuardedProcess } from './guardedProcess.ts';
import type { HostProcess } from './hostProcess.ts';
import { useArchive, type KafkaJars } from './kafkaJars.ts';

/**
 * `fast-start`: only the quick compiler and a small heap; for functional tests. `throughput`: the full compiler, a
 * larger heap and G1; for figures that shall mean something.
 */
export type BrokerProfile = 'fast-start' | 'throughput';

const PROFILE_FLAGS: Record<BrokerProfile, readonly string[]> = {
  'fast-start': ['-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  'throughput': ['-Xms512m', '-Xmx1g', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
};

/** How long a broker may take to close its files before it is killed; the longer one where it also writes the start-up archive. */
const STOP_WITHIN_MS = 10_000;
const STOP_AND_ARCHIVE_WITHIN_MS = 25_000;
const POLL_MS = 25;

/** Everything that brokers of one cluster have in common. */
export interface BrokerPlan {
  readonly host: HostProcess;
  readonly clock: Clock;
  readonly java: Java;
  readonly jars: KafkaJars;
  readonly profile: BrokerProfile;
  readonly clusterId: string;
  readonly cluster: readonly BrokerNode[];
  readonly overrides: Readonly<Record<string, string>>;
  readonly startWithinMs: number;
}

/** One running broker. */
export interface Broker {
  readonly node: BrokerNode;
  readonly pid: number;
  readonly logFile: string;
  readonly ended: Promise<Ended>;
  /** SIGSTOP: alive, but silent. */
  pause(): void;
  /** SIGCONT after {@link pause}. */
  resume(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL when that is not enough; resolves when it is gone. */
  stop(): Promise<void>;
}

/** The cluster id that a broker folder was formatted with, or undefined where it was not. */
export async function clusterIdOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'log', 'meta.properties'), 'utf8').catch(() => '');
  return /^cluster\.id=(.+)$/m.exec(text)?.[1];
}

/** 16 random bytes in the spelling that Kafka wants (URL-safe base64; a leading dash would look like an option). */
export function newClusterId(): string {
  return `M${randomBytes(16).toString('base64url').slice(1, 22)}`;
}

/**
 * Starts one broker on `folder` (its log segments are in `log/`, its words in `broker.log`), formatting the folder if
 * nobody has yet. Resolves as soon as the process runs; {@link untilServing} tells when it serves.
 */
export async function startBroker(plan: BrokerPlan, node: BrokerNode, folder: string): Promise<Broker> {
  const { host, clock, java, jars } = plan;
  await mkdir(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  const logFile = join(folder, 'broker.log');
  await writeFile(properties, asProperties(brokerSettings(node, plan.cluster, join(folder, 'log'), plan.overrides)));
  await writeFile(join(folder, 'log4j2.properties'), LOG4J_PROPERTIES);

  const archive = await useArchive(host, jars, node.nodeId === 1);
  const run = (flags: readonly string[], args: readonly string[]): Promise<GuardedProcess> => startGuarded(host, clock, {
    program: java.path,
    args: [...flags, '-XX:-UsePerfData', '-Djava.awt.headless=true', `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`, '-cp', jars.classPath, ...args],
    cwd: folder,
    logFile,
  });

  if (await clusterIdOf(folder) === undefined) {
    const flags = [...PROFILE_FLAGS['fast-start'], ...(archive.writes ? [] : archive.flags)];
    const { code } = await (await run(flags, ['kafka.tools.StorageTool', 'format', '-t', plan.clusterId, '-c', properties])).ended;
    if (code !== 0) throw await startFailed(`broker ${node.nodeId} could not format its folder`, logFile);
  }

  const running = await run([...PROFILE_FLAGS[plan.profile], ...archive.flags], ['kafka.Kafka', properties]);
  // 143: the JVM's exit code after a SIGTERM that it handled.
  const ended = running.ended.then(async (end) => { await archive.keep(end.code === 0 || end.code === 143); return end; });
  return {
    node,
    pid: running.pid,
    logFile,
    ended,
    pause: () => { running.signal('SIGSTOP'); },
    resume: () => { running.signal('SIGCONT'); },
    kill: async () => { running.signal('SIGKILL'); await ended; },
    stop: async () => { await running.stop(archive.writes ? STOP_AND_ARCHIVE_WITHIN_MS : STOP_WITHIN_MS); await ended; },
  };
}

/** How a wait for a broker ended. `ended`: it gave up by itself. `late`: it runs, but did not serve in time. */
export type Readiness = 'serving' | 'ended' | 'late';

/**
 * Waits until the broker itself says, over Kafka's protocol and with the right cluster id (somebody else's broker on
 * that port does not count), that there is a controller and that every broker of `expected` serves.
 */
export async function untilServing(plan: BrokerPlan, broker: Broker, expected: readonly number[]): Promise<Readiness> {
  const deadline = plan.clock.monotonic() + plan.startWithinMs;
  let over = false;
  void broker.ended.then(() => { over = true; });
  for (;;) {
    if (over) return 'ended';
    const answer = await askCluster(broker.node.port, 1000);
    if (answer?.clusterId === plan.clusterId && answer.controllerId >= 0 && expected.every((id) => answer.brokerIds.includes(id))) return 'serving';
    if (plan.clock.monotonic() > deadline) return 'late';
    await sleep(plan.clock, POLL_MS);
  }
}

export async function startFailed(what: string, logFile: string): Promise<MillraceError> {
  const tail = await exists(logFile) ? `Its log (${logFile}) says last:\n${await tailOf(logFile)}` : undefined;
  return new MillraceError('EMBEDDED_START_FAILED', { at: what, ...(tail === undefined ? {} : { fix: tail }) });
}
