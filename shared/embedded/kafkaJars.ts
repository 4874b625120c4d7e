import { createHash } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { exists, fetchOnce } from './fetchOnce.ts';
import type { Java } from './findTool.ts';
import type { HostProcess, Report } from './hostProcess.ts';
import { copyWithDependencies } from './maven.ts';

export const KAFKA_VERSION = '4.3.1';

/** The broker itself, and the binding without which its log would be lost. */
const ARTIFACTS = [
  { group: 'org.apache.kafka', name: 'kafka_2.13', version: KAFKA_VERSION },
  { group: 'org.apache.logging.log4j', name: 'log4j-slf4j-impl', version: '2.25.4' },
  { group: 'org.apache.logging.log4j', name: 'log4j-core', version: '2.25.4' },
] as const;

/** Kafka on disk: its class path, and where its start-up archive is or will be. */
export interface KafkaJars {
  readonly classPath: string;
  /** Changes with the Java, the jars and their place, so an archive never meets a Java or jars that it was not made of. */
  readonly archive: string;
}

const folderIn = (cacheDir: string): string => join(cacheDir, `kafka-${KAFKA_VERSION}`);

/** Whether {@link kafkaJars} can do without a download. */
export async function areKafkaJarsCached(cacheDir: string): Promise<boolean> {
  return exists(folderIn(cacheDir));
}

/** Kafka's jars in `<cacheDir>/kafka-4.3.1/`, downloaded by Maven when they are not there yet. */
export async function kafkaJars(options: { host: HostProcess; clock: Clock; cacheDir: string; java: Java; report: Report }): Promise<KafkaJars> {
  const { host, clock, cacheDir, java, report } = options;
  const folder = folderIn(cacheDir);
  await fetchOnce(host, clock, folder, async (draft) => {
    report(`downloading Kafka ${KAFKA_VERSION} (44 MB, once)`);
    await copyWithDependencies(host, ARTIFACTS, draft, report);
  });
  const jars = (await readdir(folder)).filter((name) => name.endsWith('.jar')).sort();
  const classPath = jars.map((name) => join(folder, name)).join(':');
  const made = createHash('sha256').update(java.fullVersion).update(java.path).update(classPath).digest('hex').slice(0, 12);
  return { classPath, archive: join(cacheDir, `kafka-${KAFKA_VERSION}-${made}.jsa`) };
}

/**
 * How a JVM start uses the archive of loaded classes (AppCDS), which takes about a second off a broker's start.
 * There is one: read it. There is none: the JVM writes one as it stops (3 s, once per machine), under a name of its own
 * that {@link ArchiveUse.keep} turns into the real one; a JVM that is killed leaves no archive, and the next start
 * tries again. A JVM that cannot use the archive that it is given says so in its log and starts without.
 */
export interface ArchiveUse {
  readonly flags: readonly string[];
  readonly writes: boolean;
  /** To be called when the JVM has ended. */
  keep(stoppedCleanly: boolean): Promise<void>;
}

export async function useArchive(host: HostProcess, jars: KafkaJars, mayWrite: boolean): Promise<ArchiveUse> {
  if (await exists(jars.archive)) return { flags: [`-XX:SharedArchiveFile=${jars.archive}`], writes: false, keep: () => Promise.resolve() };
  if (!mayWrite) return { flags: [], writes: false, keep: () => Promise.resolve() };
  const draft = `${jars.archive}.draft-${host.pid}`;
  return {
    flags: [`-XX:ArchiveClassesAtExit=${draft}`],
    writes: true,
    async keep(stoppedCleanly) {
      if (stoppedCleanly && await exists(draft)) await rename(draft, jars.archive);
      else await rm(draft, { force: true });
    },
  };
}
