import { join } from 'node:path';
import { startStack, type StackOptions } from '../../shared/embedded/stack.ts';
import { KAFKA_VERSION } from '../../shared/embedded/kafkaJars.ts';
import type { Server } from './server.ts';

export interface KafkaServer extends Server {
  readonly brokers: string;
  readonly registryUrl: string;
  /** Where its topics lie; null: it is not ours. */
  readonly logFolder: string | null;
}

/** One broker with the full compiler and a heap of 1 GB, and a registry, on fresh data; those of `KAFKA_BROKERS` and `SCHEMA_REGISTRY_URL` where they are set. */
export async function startKafkaServer({ folder, cacheDir, say }: { readonly folder: string; readonly cacheDir: string; readonly say: (line: string) => void }): Promise<KafkaServer> {
  const options = {
    host: process, env: process.env, cacheDir, registryStorage: 'memory', profile: 'throughput', ports: { kafka: 0, registry: 0 }, report: say,
  } satisfies Partial<StackOptions>;
  const kafka = await startStack({ ...options, dataDir: join(folder, 'kafka'), need: { kafka: true, registry: false } });
  const registry = await startStack({ ...options, dataDir: join(folder, 'registry'), need: { kafka: false, registry: true } }).catch(async (error: unknown) => {
    await kafka.stop();
    throw error;
  });
  return {
    pid: kafka.pids[0] ?? null,
    version: kafka.pids.length === 0 ? 'Kafka as given' : `Kafka ${KAFKA_VERSION}`,
    brokers: kafka.brokers,
    registryUrl: registry.registryUrl,
    logFolder: kafka.pids.length === 0 ? null : join(folder, 'kafka', 'broker-1', 'log'),
    async stop() {
      await registry.stop();
      await kafka.stop();
    },
  };
}
