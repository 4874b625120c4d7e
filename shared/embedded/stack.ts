import { join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { BrokerProfile } from './broker.ts';
import { chooseKafkaSource, JAVA_NEEDED, waysToGetKafka, waysToGetRegistry, type KafkaSource } from './chooseKafkaSource.ts';
import { KAFKA_IMAGE, localKafkaImage, startKafkaInDocker } from './dockerKafka.ts';
import { findJava, findTool, type Java } from './findTool.ts';
import type { HostProcess, Report } from './hostProcess.ts';
import { startKafka } from './kafka.ts';
import { areKafkaJarsCached, KAFKA_VERSION, kafkaJars } from './kafkaJars.ts';
import { requireGivenKafka, requireGivenRegistry } from './requireGiven.ts';
import { isRegistryCached, REGISTRY_VERSION, registryJar, startRegistry } from './registry.ts';

export interface StackOptions {
  /** The process that starts it (`process`). */
  readonly host: HostProcess;
  /** Where `KAFKA_BROKERS` and `SCHEMA_REGISTRY_URL` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Downloads; may be shared. */
  readonly cacheDir: string;
  /** Topics and logs of what is started here. */
  readonly dataDir: string;
  readonly need: { readonly kafka: boolean; readonly registry: boolean };
  /** Told what is being waited for, a line at a time. */
  readonly report: Report;
  /** Default `kafka`: schema ids live and die with the topics. `memory` starts beside Kafka instead of after it. */
  readonly registryStorage?: 'kafka' | 'memory';
  readonly profile?: BrokerProfile;
  readonly kafkaProperties?: Readonly<Record<string, string>>;
  /** First ports to try (defaults 9092 and 8081); 0 means any. */
  readonly ports?: { readonly kafka?: number; readonly registry?: number };
  readonly clock?: Clock;
}

/** What runs now, whoever started it. */
export interface Stack {
  /** Bootstrap addresses, comma-separated; empty where no Kafka was needed. */
  readonly brokers: string;
  /** Base of the registry's Confluent API; empty where none was needed. */
  readonly registryUrl: string;
  /** Processes that were started here; none where things were given. */
  readonly pids: readonly number[];
  readonly logFiles: readonly string[];
  /** Resolves with a name when something that was started here ends without having been asked to. */
  readonly died: Promise<string>;
  /** Stops what was started here, the registry before the Kafka it writes to. Twice is once. */
  stop(): Promise<void>;
}

/** One part of the stack: where it is, and how to stop it if it is ours. */
interface Part {
  readonly address: string;
  readonly pid?: number;
  readonly logFile?: string;
  readonly ended?: Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Makes Kafka and a schema registry available: those named by `KAFKA_BROKERS` and `SCHEMA_REGISTRY_URL`; else Kafka from
 * an image that a Docker engine has on disk; else from its jars. The registry comes from its jar. What can start side by
 * side does. All of it, or nothing: when one fails, the others are stopped.
 *
 * @throws MillraceError NOTHING_TO_RUN_KAFKA or NOTHING_TO_RUN_REGISTRY: the message says what to install, a line each.
 * @throws MillraceError EMBEDDED_START_FAILED: something was there, and did not start.
 * @throws MillraceError BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE: what the environment names is not there.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { host, env, cacheDir, need, report, clock = systemClock } = options;
  const java = await findJava(host.env);
  const source = need.kafka ? await kafkaSource(options, java) : undefined;
  const givenRegistry = env['SCHEMA_REGISTRY_URL']?.trim().replace(/\/+$/, '') ?? '';
  const startsRegistry = need.registry && givenRegistry === '';
  if (startsRegistry) await checkRegistryCanStart(options, java);
  // What is given and not there would show late, and as somebody else's failure.
  if (source?.kind === 'given') await requireGivenKafka(source.brokers, clock);
  if (need.registry && !startsRegistry) await requireGivenRegistry(givenRegistry);

  // One Maven at a time: two that fill the same local repository for the first time may trip over one another.
  if (source?.kind === 'jars' && java !== undefined) await kafkaJars({ host, clock, cacheDir, java, report });
  const kafka = source === undefined ? undefined : bringUpKafka(options, source);
  const registry = !need.registry ? undefined : startsRegistry ? bringUpRegistry(options, kafka) : Promise.resolve(given(givenRegistry));

  const outcomes = await Promise.allSettled([registry, kafka]);
  const parts = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' && outcome.value !== undefined ? [outcome.value] : []));
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => stopping ??= (async () => { for (const part of parts) await part.stop(); })();
  // The registry's failure may only be an echo of Kafka's, so Kafka's is told first.
  const failed = outcomes.toReversed().find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    brokers: (await kafka)?.address ?? '',
    registryUrl: (await registry)?.address ?? '',
    pids: parts.flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
    logFiles: parts.flatMap(({ logFile }) => (logFile === undefined ? [] : [logFile])),
    died: new Promise((resolve) => {
      for (const part of parts) void part.ended?.then(() => { if (stopping === undefined) resolve(part.address); });
    }),
    stop,
  };
}

async function kafkaSource({ host, env, cacheDir }: StackOptions, java: Java | undefined): Promise<KafkaSource> {
  const source = chooseKafkaSource({
    givenBrokers: env['KAFKA_BROKERS'],
    dockerImage: env['KAFKA_BROKERS'] ? undefined : await localKafkaImage(host.env),
    javaMajor: java?.major,
    hasMaven: await findTool(host.env, 'mvn') !== undefined,
    hasJars: await areKafkaJarsCached(cacheDir),
  });
  if (source.kind === 'none') throw new MillraceError('NOTHING_TO_RUN_KAFKA', { fix: waysToGetKafka(KAFKA_IMAGE) });
  return source;
}

async function checkRegistryCanStart({ host, cacheDir }: StackOptions, java: Java | undefined): Promise<void> {
  const canFetch = await findTool(host.env, 'mvn') !== undefined || await isRegistryCached(cacheDir);
  if ((java?.major ?? 0) < JAVA_NEEDED || !canFetch) throw new MillraceError('NOTHING_TO_RUN_REGISTRY', { fix: waysToGetRegistry() });
}

async function bringUpKafka(options: StackOptions, source: KafkaSource): Promise<Part> {
  const { host, cacheDir, dataDir, report, clock = systemClock } = options;
  const port = options.ports?.kafka ?? 9092;
  const properties = options.kafkaProperties ?? {};
  const since = clock.monotonic();
  switch (source.kind) {
    case 'given':
      report(`using the Kafka at ${source.brokers}`);
      return given(source.brokers);
    case 'docker': {
      report(`starting Kafka in Docker (${source.image})`);
      const kafka = await startKafkaInDocker({ image: source.image, dataDir, port, properties });
      report(`Kafka serves on ${kafka.brokers} after ${seconds(clock, since)}`);
      return { address: kafka.brokers, stop: kafka.stop };
    }
    case 'jars': {
      report(`starting Kafka ${KAFKA_VERSION}`);
      const kafka = await startKafka({ host, clock, cacheDir, dataDir, report, port, properties, profile: options.profile ?? 'fast-start' });
      report(`Kafka serves on ${kafka.brokers} after ${seconds(clock, since)}`);
      return { address: kafka.brokers, pid: kafka.pid, logFile: kafka.logFile, ended: kafka.ended, stop: () => kafka.stop() };
    }
    case 'none':
      throw new MillraceError('NOTHING_TO_RUN_KAFKA', { fix: waysToGetKafka(KAFKA_IMAGE) });
  }
}

async function bringUpRegistry(options: StackOptions, kafka: Promise<Part> | undefined): Promise<Part> {
  const { host, cacheDir, dataDir, report, clock = systemClock } = options;
  // Downloading goes on while Kafka starts.
  await registryJar({ host, clock, cacheDir, report });
  const inKafka = (options.registryStorage ?? 'kafka') === 'kafka' && kafka !== undefined;
  const storage = inKafka ? { kind: 'kafka', brokers: (await kafka).address } as const : { kind: 'memory' } as const;
  const since = clock.monotonic();
  report(`starting the schema registry, Apicurio ${REGISTRY_VERSION}, schemas kept in ${storage.kind} (4 to 10 s)`);
  const registry = await startRegistry({ host, clock, cacheDir, dataDir: join(dataDir, 'registry'), storage, port: options.ports?.registry ?? 8081, report });
  report(`the schema registry answers on ${registry.url} after ${seconds(clock, since)}`);
  return { address: registry.url, pid: registry.pid, logFile: registry.logFile, ended: registry.ended, stop: () => registry.stop() };
}

function given(address: string): Part {
  return { address, stop: () => Promise.resolve() };
}

function seconds(clock: Clock, since: number): string {
  return `${((clock.monotonic() - since) / 1000).toFixed(1)} s`;
}
