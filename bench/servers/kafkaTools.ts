import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, fetchOnce } from '../../shared/embedded/fetchOnce.ts';
import { findJava, findTool } from '../../shared/embedded/findTool.ts';
import { KAFKA_VERSION } from '../../shared/embedded/kafkaJars.ts';
import { copyWithDependencies } from '../../shared/embedded/maven.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { Missing } from '../frame/missing.ts';
import type { Server } from './server.ts';

/** Kafka's own command line, of which its performance tools are a part. */
export interface KafkaTools extends Server {
  readonly java: string;
  readonly classPath: string;
}

const artifacts = [
  { group: 'org.apache.kafka', name: 'kafka-tools', version: KAFKA_VERSION },
  { group: 'org.slf4j', name: 'slf4j-nop', version: '1.7.36' },
] as const;

/** Downloads them by Maven, once, beside the broker's jars. */
export async function findKafkaTools({ cacheDir, say, mayDownload }: { readonly cacheDir: string; readonly say: (line: string) => void; readonly mayDownload: boolean }): Promise<KafkaTools> {
  const java = await findJava(process.env);
  if (java === undefined) throw new Missing('Java is not installed: apt-get install openjdk-17-jre-headless');
  const folder = join(cacheDir, `kafka-tools-${KAFKA_VERSION}`);
  if (!await exists(folder) && !mayDownload) throw new Missing('Kafka\'s tools are not downloaded yet: npm run bench -- enqueue --quick does it');
  if (!await exists(folder) && await findTool(process.env, 'mvn') === undefined) throw new Missing('Kafka\'s tools are not downloaded, and there is no Maven for it: apt-get install maven');
  await fetchOnce(process, systemClock, folder, async (draft) => {
    say(`downloading Kafka's tools ${KAFKA_VERSION} (once)`);
    await copyWithDependencies(process, artifacts, draft, say);
  }).catch((error: unknown) => { throw new Missing(`Kafka's tools cannot be downloaded: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`); });
  const classPath = (await readdir(folder)).filter((name) => name.endsWith('.jar')).map((name) => join(folder, name)).join(':');
  return { pid: null, version: `kafka-tools ${KAFKA_VERSION}`, java: java.path, classPath, stop: () => Promise.resolve() };
}
