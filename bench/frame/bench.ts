import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../shared/embedded/hostProcess.ts';
import type { Server, ServerName } from '../servers/server.ts';
import { startKafkaServer } from '../servers/kafka.ts';
import { warmKafka } from '../servers/warmKafka.ts';
import { startPostgresServer } from '../servers/postgres.ts';
import { startRedisServer } from '../servers/redis.ts';
import { findKafkaTools } from '../servers/kafkaTools.ts';
import type { Place } from '../systems/system.ts';
import type { Size } from './scenario.ts';

/** What measurements run on: servers that are started when the first contestant needs them, and run to the end, and a scratch folder. */
export interface Bench {
  readonly size: Size;
  readonly folder: string;
  say(line: string): void;
  /** @throws Missing where this machine does not have it */
  server(name: ServerName): Promise<Server>;
  /** A queue of its own, and the addresses of the servers that run. */
  place(name: string, needs: readonly ServerName[]): Promise<Place>;
  close(): Promise<void>;
}

/** Where downloads are kept, and what may be kept between runs. */
export function cacheDir(): string {
  return process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '..', '.cache');
}

const FOLDER_PREFIX = 'millrace-bench-';

/** Removes the data of runs that were killed before they could. */
async function sweepLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(FOLDER_PREFIX) ? Number.parseInt(name.slice(FOLDER_PREFIX.length), 10) : NaN;
    if (owner > 0 && !isAlive(process, owner)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

export async function openBench(options: { readonly size: Size; readonly say: (line: string) => void }): Promise<Bench> {
  const { size, say } = options;
  await sweepLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const started = new Map<ServerName, Promise<Server>>();
  const addresses = { brokers: '', registryUrl: '', redisPort: 0, postgresUrl: '' };
  let made = 0;
  let closing = false;

  const start = async (name: ServerName): Promise<Server> => {
    switch (name) {
      case 'kafka': {
        const kafka = await startKafkaServer({ folder, cacheDir: cacheDir(), say });
        Object.assign(addresses, { brokers: kafka.brokers, registryUrl: kafka.registryUrl });
        if (size !== 'smoke') {
          await warmKafka({ ...addresses, queue: `bench-warm-${process.pid.toString(36)}` }).catch(async (error: unknown) => {
            await kafka.stop();
            throw error;
          });
        }
        return kafka;
      }
      case 'redis':
      case 'redis-aof':
        return startRedisServer({ folder, appendOnly: name === 'redis-aof' });
      case 'postgres': {
        const postgres = await startPostgresServer();
        Object.assign(addresses, { postgresUrl: postgres.url });
        return postgres;
      }
      case 'kafka-tools':
        return findKafkaTools({ cacheDir: cacheDir(), say, mayDownload: size !== 'smoke' });
    }
  };
  const server = (name: ServerName): Promise<Server> => {
    if (closing) return Promise.reject(new Error(`${name} is not started any more: the benchmark is being closed`));
    let running = started.get(name);
    if (running === undefined) started.set(name, running = start(name));
    return running;
  };
  return {
    size, folder, say, server,
    async place(name, needs) {
      for (const need of needs) {
        const running = await server(need);
        if ('port' in running) addresses.redisPort = Number(running.port);
      }
      return { ...addresses, queue: `bench-${name}-${process.pid.toString(36)}-${++made}` };
    },
    async close() {
      closing = true;
      for (const running of await Promise.allSettled(started.values())) if (running.status === 'fulfilled') await running.value.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
