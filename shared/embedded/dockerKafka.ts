import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newClusterId } from './broker.ts';
import { brokerSettings } from './brokerProperties.ts';
import { findTool } from './findTool.ts';
import { freePorts } from './freePorts.ts';
import type { HostProcess } from './hostProcess.ts';
import { KAFKA_VERSION } from './kafkaJars.ts';

/** Kafka's own image. */
export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`;

const DATA_IN_CONTAINER = '/var/lib/kafka/data';

/** The Kafka image, if a Docker engine answers within 3 s and has it on disk. */
export async function localKafkaImage(env: HostProcess['env']): Promise<string | undefined> {
  const docker = await findTool(env, 'docker');
  if (docker === undefined) return undefined;
  return new Promise((resolve) => {
    execFile(docker, ['image', 'inspect', KAFKA_IMAGE], { env, timeout: 3000 }, (error) => { resolve(error === null ? KAFKA_IMAGE : undefined); });
  });
}

/**
 * Starts one broker of Kafka's own image in Docker, with the settings of the jars' broker, its port published on
 * 127.0.0.1 and its data in `dataDir`. testcontainers is loaded only here, and sees to it that the container ends with
 * this process.
 *
 * **Never run by this project's tests**, which have no image to run it with: only the choice that leads here is tested.
 */
export async function startKafkaInDocker(options: {
  readonly image: string;
  readonly dataDir: string;
  readonly port?: number;
  readonly properties?: Readonly<Record<string, string>>;
}): Promise<{ brokers: string; stop: () => Promise<void> }> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const [port = 0] = await freePorts([options.port ?? 9092]);
  const data = join(options.dataDir, 'docker-broker');
  await mkdir(data, { recursive: true });
  await chmod(data, 0o777); // the image's user is not ours

  const node = { nodeId: 1, port: 9092, controllerPort: 9093 };
  const settings = brokerSettings(node, [node], DATA_IN_CONTAINER, {
    'listeners': 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    ...options.properties,
  });
  const container = await new GenericContainer(options.image)
    .withEnvironment({ CLUSTER_ID: await clusterIdFor(join(options.dataDir, 'docker-cluster-id')), ...asEnvironment(settings) })
    .withExposedPorts({ container: 9092, host: port })
    .withBindMounts([{ source: data, target: DATA_IN_CONTAINER, mode: 'rw' }])
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .start();
  return { brokers: `127.0.0.1:${port}`, stop: async () => { await container.stop(); } };
}

/** The image's spelling of broker properties: `log.dirs` is `KAFKA_LOG_DIRS` (and `_` is `___`, `-` is `__`). */
export function asEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [
    `KAFKA_${name.replaceAll('_', '___').replaceAll('-', '__').replaceAll('.', '_').toUpperCase()}`, value,
  ]));
}

async function clusterIdFor(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept !== '') return kept;
  const id = newClusterId();
  await writeFile(file, id);
  return id;
}
