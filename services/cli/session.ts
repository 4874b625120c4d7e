import { join } from 'node:path';
import { createPlainDecoder, type PlainDecoder } from '../../shared/avro/plainDecoder.ts';
import { createRegistry, type Registry } from '../../shared/avro/registry.ts';
import { createClaimAccess, type ClaimAccess } from '../../shared/claims/claimAccess.ts';
import { compileLargePayloads } from '../../shared/claims/largePayloads.ts';
import { openClaims } from '../../shared/claims/openClaims.ts';
import type { CommandTools } from '../../shared/commands/commandTools.ts';
import { readDevFile, type DevFile } from '../../shared/embedded/devFile.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin, Broker } from '../../shared/kafka/port.ts';
import { systemClock, type Clock } from '../../shared/runtime/clock.ts';
import { apiKeys, claimKeys, cliKeys, connectionKeys, knownNames } from '../../shared/runtime/config/keys.ts';
import type { ConfigKey } from '../../shared/runtime/config/declare.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import type { CliHost } from './cliHost.ts';
import { createShow, type Show } from './show/show.ts';
import { createStatusClient, type StatusClient } from './statusClient.ts';

/** Options of every command. */
export interface CommonOptions {
  readonly brokers?: string;
  readonly registry?: string;
  readonly statusUrl?: string;
  readonly json?: boolean;
}

/** One run of a command: how it reaches the cluster, each part made at its first use, and how it tells its result. */
export interface Session {
  readonly host: CliHost;
  readonly clock: Clock;
  readonly show: Show;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly statusUrl: string;
  readonly broker: Broker;
  readonly admin: Admin;
  readonly registry: Registry;
  readonly decoder: PlainDecoder;
  readonly status: StatusClient;
  /** With the producer started. @throws MillraceError BROKER_UNAVAILABLE */
  commandTools(): Promise<CommandTools>;
  /** Where the environment says no store, it says so of what lies in one. @throws MillraceError BAD_CONFIG */
  claims(): Promise<ClaimAccess>;
  /** Calls `work` with a signal that Ctrl-C aborts. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Further settings of the environment. @throws MillraceError BAD_CONFIG */
  settings<D extends Readonly<Record<string, ConfigKey<unknown>>>>(keys: D): ConfigOf<D>;
  close(): Promise<void>;
}

/** Kafka's answers are awaited for so long at a command line. */
const DELIVERY_TIMEOUT_MS = 10_000;

/** Reads where everything is: options first, then the environment, then what `npm run stack` or `npm start` wrote. @throws MillraceError BAD_CONFIG */
export async function openSession(host: CliHost, options: CommonOptions): Promise<Session> {
  const given = { ...host.env, ...flag('KAFKA_BROKERS', options.brokers), ...flag('SCHEMA_REGISTRY_URL', options.registry), ...flag('MILLRACE_STATUS_URL', options.statusUrl) };
  const config = readConfig({ ...connectionKeys, ...apiKeys, ...cliKeys }, given, knownNames);
  const dev: DevFile | undefined = config.brokers === null || config.registryUrl === null || config.statusUrl === null ? await readDevFile(host, join(host.cwd, '.millrace', 'dev.json')) : undefined;
  const brokers = config.brokers ?? dev?.brokers.split(',') ?? null;
  const registryUrl = config.registryUrl ?? dev?.registryUrl ?? null;
  const statusUrl = config.statusUrl ?? dev?.statusUrl ?? DEFAULT_STATUS_URL;
  const closers: (() => Promise<void>)[] = [];
  const once = <T>(make: () => T): (() => T) => {
    let made: { readonly value: T } | null = null;
    return () => (made ??= { value: make() }).value;
  };
  const mustHave = (value: string | null, env: string, option: string): string => {
    if (value === null) throw new MillraceError('BAD_CONFIG', { at: env, fix: `Give ${option}, set ${env}, or keep \`npm run stack\` running in this folder` });
    return value;
  };
  const broker = once(() => createKafkajsBroker({ brokers: mustHave(brokers?.join(',') ?? null, 'KAFKA_BROKERS', '--brokers').split(','), deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, compression: config.compression }));
  const registry = once(() => createRegistry({ url: mustHave(registryUrl, 'SCHEMA_REGISTRY_URL', '--registry') }));
  const admin = once(() => {
    const made = broker().createAdmin({ clientId: 'millrace-cli' });
    closers.push(() => made.close());
    return made;
  });
  const producer = once(() => {
    const made = broker().createProducer({ clientId: 'millrace-cli' });
    closers.push(() => made.close());
    return made;
  });
  const decoder = once(() => createPlainDecoder({ registry: registry(), clock: systemClock }));
  const claims = once(async () => {
    const options = await openClaims(readConfig(claimKeys, given, knownNames));
    const payloads = options === null ? null : compileLargePayloads(options, systemClock);
    const access = createClaimAccess({ payloads, registry: registry(), clock: systemClock, logger: createLogger({ level: 'silent', service: 'cli', clock: systemClock }) });
    closers.push(async () => {
      access.close();
      await payloads?.store.close();
    });
    return access;
  });
  const status = once(() => createStatusClient(statusUrl, config.apiToken));
  return {
    host,
    clock: systemClock,
    show: createShow(host, options.json === true, systemClock),
    statusUrl,
    get brokers() { return mustHave(brokers?.join(',') ?? null, 'KAFKA_BROKERS', '--brokers'); },
    get registryUrl() { return mustHave(registryUrl, 'SCHEMA_REGISTRY_URL', '--registry'); },
    get broker() { return broker(); },
    get admin() { return admin(); },
    get registry() { return registry(); },
    get decoder() { return decoder(); },
    get status() { return status(); },
    async commandTools() {
      await producer().start();
      return { broker: broker(), admin: admin(), producer: producer() };
    },
    claims,
    settings: (keys) => readConfig(keys, given, knownNames),
    async interruptible(work) {
      const controller = new AbortController();
      const stop = host.onInterrupt(() => { controller.abort(); });
      try {
        return await work(controller.signal);
      } finally {
        stop();
      }
    },
    async close() {
      for (const close of closers.reverse()) await close();
    },
  };
}

const DEFAULT_STATUS_URL = 'http://127.0.0.1:9420';

function flag(env: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [env]: value };
}
