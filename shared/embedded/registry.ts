import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import { JAVA_NEEDED } from './chooseKafkaSource.ts';
import { exists, fetchOnce } from './fetchOnce.ts';
import { findJava } from './findTool.ts';
import { freePorts, isFree } from './freePorts.ts';
import { startGuarded, tailOf, type GuardedProcess } from './guardedProcess.ts';
import type { HostProcess, Report } from './hostProcess.ts';
import { copyAlone } from './maven.ts';

/** The newest line of Apicurio that runs on Java 17. */
export const REGISTRY_VERSION = '3.0.9';
const ARTIFACT = { group: 'io.apicurio', name: 'apicurio-registry-app', version: REGISTRY_VERSION, type: 'tar.gz', classifier: 'all' };

const API = '/apis/ccompat/v7';
/** Its own API tells its name. */
const INFO = '/apis/registry/v3/system/info';
/** Else the registry creates its topic with the broker's retention, and forgets its schemas after a week. */
const KEEP_FOREVER = ['-Dapicurio.kafkasql.topic.retention.ms=-1', '-Dapicurio.kafkasql.topic.retention.bytes=-1'];
const STOP_WITHIN_MS = 5_000;
const POLL_MS = 100;
const TRIES = 3;

/**
 * Where schemas are kept. `kafka`: in topics of the given brokers, so that ids live and die with the topics whose
 * records carry them. `memory`: until it stops; starts in half the time.
 */
export type RegistryStorage = { readonly kind: 'kafka'; readonly brokers: string } | { readonly kind: 'memory' };

export interface RegistryOptions {
  readonly host: HostProcess;
  /** As for `startKafka`: downloads are kept here. */
  readonly cacheDir: string;
  /** Where its log goes. */
  readonly dataDir: string;
  readonly storage: RegistryStorage;
  /** First port that is tried; 0 means any. Default 8081. */
  readonly port?: number;
  /** Default 90 s. */
  readonly startWithinMs?: number;
  readonly report?: Report;
  readonly clock?: Clock;
}

/** A running schema registry. */
export interface Registry {
  /** Base of the Confluent API: `<url>/subjects` is a resource. */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<unknown>;
  /** Clean stop; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** The registry on disk: the jar that runs. */
export interface RegistryJar { readonly path: string }

const folderIn = (cacheDir: string): string => join(cacheDir, `apicurio-registry-${REGISTRY_VERSION}`);

/** Whether {@link registryJar} can do without a download. */
export async function isRegistryCached(cacheDir: string): Promise<boolean> {
  return exists(folderIn(cacheDir));
}

/** Downloads the registry when it is not there yet (109 MB). Apart from the start, so that it can go on beside Kafka's start. */
export async function registryJar(options: { host: HostProcess; clock: Clock; cacheDir: string; report: Report }): Promise<RegistryJar> {
  const { host, clock, cacheDir, report } = options;
  const folder = folderIn(cacheDir);
  await fetchOnce(host, clock, folder, async (draft) => {
    report(`downloading the schema registry, Apicurio ${REGISTRY_VERSION} (109 MB, once)`);
    await copyAlone(host, ARTIFACT, draft, report);
    const archive = (await readdir(draft)).find((name) => name.endsWith('.tar.gz')) ?? '';
    await unpack(join(draft, archive), draft);
    await rm(join(draft, archive));
  });
  const runner = (await readdir(folder)).find((name) => name.endsWith('-runner.jar'));
  if (runner === undefined) throw new MillraceError('EMBEDDED_START_FAILED', { at: folder, expected: 'a file *-runner.jar', fix: 'Remove the folder; the next start downloads it again.' });
  return { path: join(folder, runner) };
}

/**
 * Starts a schema registry that speaks Confluent's API, on 127.0.0.1, and resolves when it answers. Mind that a new
 * subject accepts anything until its rule is set (`PUT <url>/config/<subject>`, which works before the subject exists).
 *
 * @throws MillraceError EMBEDDED_START_FAILED: no Java 17, no Maven for the first download, or it gave up.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { host, cacheDir, dataDir, report = () => {}, clock = systemClock, startWithinMs = 90_000 } = options;
  const java = await findJava(host.env);
  if (java === undefined || java.major < JAVA_NEEDED) {
    throw new MillraceError('EMBEDDED_START_FAILED', { at: 'schema registry', expected: `Java ${JAVA_NEEDED} or newer`, got: java?.major, fix: 'Install a JRE 17, or set JAVA_HOME to one.' });
  }
  const jar = await registryJar({ host, clock, cacheDir, report });
  await mkdir(dataDir, { recursive: true });
  const logFile = join(dataDir, 'registry.log');

  for (let tries = 1; ; tries++) {
    // Another start may have chosen the same free port and been quicker: what answers there must bear this name to be ours.
    const name = `millrace-${randomUUID()}`;
    const [port = 0, managementPort = 0] = await freePorts([tries === 1 ? options.port ?? 8081 : 0, 0]);
    const running = await startGuarded(host, clock, {
      program: java.path,
      args: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', ...KEEP_FOREVER, '-jar', jar.path],
      cwd: dataDir,
      logFile,
      env: { APICURIO_APP_NAME: name, ...listenOn(port, managementPort), ...storeIn(options.storage) },
    });
    const origin = `http://127.0.0.1:${port}`;
    const url = origin + API;
    if (await untilAnswering(running, name, origin, clock, startWithinMs)) {
      return {
        url, logFile, pid: running.pid, ended: running.ended,
        stop: async () => { await running.stop(STOP_WITHIN_MS); },
        kill: async () => { running.signal('SIGKILL'); await running.ended; },
      };
    }
    running.signal('SIGKILL');
    await running.ended;
    const portWasTaken = !await isFree(port) || !await isFree(managementPort);
    if (!portWasTaken || tries === TRIES) {
      throw new MillraceError('EMBEDDED_START_FAILED', { at: 'schema registry', fix: `Its log (${logFile}) says last:\n${await tailOf(logFile)}` });
    }
  }
}

function listenOn(port: number, managementPort: number): Record<string, string> {
  return {
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
    QUARKUS_MANAGEMENT_PORT: String(managementPort),
  };
}

function storeIn(storage: RegistryStorage): Record<string, string> {
  switch (storage.kind) {
    case 'memory': return {};
    case 'kafka': return {
      APICURIO_STORAGE_KIND: 'kafkasql',
      APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: storage.brokers,
      APICURIO_KAFKASQL_TOPIC: 'schema-registry-journal',
      APICURIO_KAFKASQL_SNAPSHOTS_TOPIC: 'schema-registry-snapshots',
      APICURIO_EVENTS_KAFKA_TOPIC: 'schema-registry-events',
      // Every start polls once for a snapshot, for as long as this (default 5 s) where there is none. One that is missed
      // costs nothing but a longer replay: the journal is never deleted.
      APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT: '1000',
    };
  }
}

/** True when it lists subjects over HTTP under its own name; false when it ended or `withinMs` went by. */
async function untilAnswering(running: GuardedProcess, name: string, origin: string, clock: Clock, withinMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + withinMs;
  const ask = (path: string): Promise<unknown> => fetch(origin + path, { signal: AbortSignal.timeout(2000) }).then((answer) => (answer.ok ? answer.json() : undefined)).catch(() => undefined);
  while (!running.hasEnded() && clock.monotonic() < deadline) {
    const info = await ask(INFO) as { readonly name?: unknown } | undefined | null;
    if (info?.name === name && Array.isArray(await ask(`${API}/subjects`))) return true;
    await sleep(clock, POLL_MS);
  }
  return false;
}

async function unpack(archive: string, folder: string): Promise<void> {
  const child = spawn('tar', ['xzf', archive, '-C', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => { child.once('error', reject).once('close', resolve); });
  if (code !== 0) throw new MillraceError('EMBEDDED_START_FAILED', { at: archive, expected: 'tar to unpack it', got: code });
}
