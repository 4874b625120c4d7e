import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { readDevFile } from '../shared/embedded/devFile.ts';
import { isAlive } from '../shared/embedded/hostProcess.ts';
import { startStack } from '../shared/embedded/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Bootstrap addresses of the real Kafka of this test run, comma-separated: `inject('brokers')`. */
    brokers: string;
    /** Base of its schema registry's Confluent API: `inject('registryUrl')`. */
    registryUrl: string;
    /** Where downloads are kept, for tests that start a Kafka of their own. */
    cacheDir: string;
  }
}

const root = join(import.meta.dirname, '..');
const FOLDER_PREFIX = 'millrace-test-';

/**
 * Global set-up of the `kafka` tests: one real Kafka and schema registry for the whole run, on fresh data and ports of
 * their own, stopped and removed at the end. `KAFKA_BROKERS` and `SCHEMA_REGISTRY_URL` replace them; with
 * `MILLRACE_REUSE_STACK=1` so does the stack that `npm run stack` keeps running, which spares the start.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cacheDir = process.env['MILLRACE_CACHE_DIR'] ?? join(root, '.cache');
  const running = process.env['MILLRACE_REUSE_STACK'] === '1' ? await readDevFile(process, join(root, '.millrace', 'dev.json')) : undefined;
  const reused = running === undefined ? {} : { KAFKA_BROKERS: running.brokers, SCHEMA_REGISTRY_URL: running.registryUrl };

  await sweepLeftovers();
  const dataDir = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const stack = await startStack({
    host: process,
    env: { ...process.env, ...reused },
    cacheDir,
    dataDir,
    need: { kafka: true, registry: true },
    registryStorage: 'memory',
    ports: { kafka: 0, registry: 0 },
    report: (line) => { process.stderr.write(`${line}\n`); },
  });
  project.provide('brokers', stack.brokers);
  project.provide('registryUrl', stack.registryUrl);
  project.provide('cacheDir', cacheDir);
  return async () => {
    await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}

/** Removes the data of runs that were killed before they could. */
async function sweepLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(FOLDER_PREFIX) ? Number.parseInt(name.slice(FOLDER_PREFIX.length), 10) : Number.NaN;
    if (owner > 0 && !isAlive(process, owner)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
