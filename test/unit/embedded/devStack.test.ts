import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { readDevFile, writeDevFile } from '../../../shared/embedded/devFile.ts';
import { startDevStack } from '../../../shared/embedded/devStack.ts';
import type { HostProcess } from '../../../shared/embedded/hostProcess.ts';
import { requireGivenKafka } from '../../../shared/embedded/requireGiven.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

let homeDir: string;
beforeEach(async () => {
  homeDir = await mkdtemp(join(tmpdir(), 'dev-stack-'));
  await mkdir(join(homeDir, 'data'));
  await writeFile(join(homeDir, 'data', 'topic'), 'kept');
});
afterEach(async () => { await rm(homeDir, { recursive: true, force: true }); });

/** Somebody who takes connections, and somebody who answers as a registry without subjects does. */
const kafka = createServer();
const registry = createHttpServer((_, reply) => { reply.writeHead(404).end(JSON.stringify({ error_code: 40_401, message: 'none' })); });
const given = { KAFKA_BROKERS: '', SCHEMA_REGISTRY_URL: '' };
beforeAll(async () => {
  for (const server of [kafka, registry]) await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  given.KAFKA_BROKERS = `127.0.0.1:${(kafka.address() as AddressInfo).port}`;
  given.SCHEMA_REGISTRY_URL = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
});
afterAll(() => {
  kafka.close();
  registry.close();
});

/** A process on a machine without Java, Maven or Docker; all pids are alive. */
const hostWith = (env: Readonly<Record<string, string>>): HostProcess => ({ env: { PATH: homeDir, ...env }, pid: 7, kill: () => true });
const start = (host: HostProcess, options: { fresh?: boolean; startedBy?: 'stack' | 'start' } = {}) =>
  startDevStack({ host, cacheDir: join(homeDir, 'cache'), homeDir, startedBy: 'start', report: () => undefined, ...options });
const running = (startedBy: 'stack' | 'start') => ({ brokers: 'k:1', registryUrl: 'http://r1', startedBy, pids: [99], startedAt: '2026-01-01T00:00:00Z' });

test('a given Kafka is told to other tools while it is used, and its topics are not ours', async () => {
  const host = hostWith(given);
  const stack = await start(host);
  expect(stack).toMatchObject({ brokers: given.KAFKA_BROKERS, registryUrl: given.SCHEMA_REGISTRY_URL, ownsTopics: false });
  expect(await readDevFile(host, join(homeDir, 'dev.json'))).toMatchObject({ brokers: given.KAFKA_BROKERS, registryUrl: given.SCHEMA_REGISTRY_URL, startedBy: 'start', pids: [7] });
  await stack.stop();
  expect(await readdir(homeDir)).toEqual(['data']);
});

test('fresh clears the topics before a Kafka is started here, and touches nothing when one is given', async () => {
  await (await start(hostWith(given), { fresh: true })).stop();
  expect(await readdir(join(homeDir, 'data'))).toEqual(['topic']);
  await expect(start(hostWith({}), { fresh: true })).rejects.toMatchObject({ code: 'NOTHING_TO_RUN_KAFKA' });
  expect(await readdir(homeDir)).toEqual([]);
});

test('without fresh the topics stay', async () => {
  await expect(start(hostWith({}))).rejects.toMatchObject({ code: 'NOTHING_TO_RUN_KAFKA' });
  expect(await readdir(join(homeDir, 'data'))).toEqual(['topic']);
});

test('the stack of npm run stack is shared, and outlives who shares it', async () => {
  await writeDevFile(join(homeDir, 'dev.json'), running('stack'));
  const stack = await start(hostWith({}), { fresh: true });
  expect(stack).toMatchObject({ brokers: 'k:1', registryUrl: 'http://r1', ownsTopics: false });
  await stack.stop();
  expect(await readDevFile(hostWith({}), join(homeDir, 'dev.json'))).toMatchObject({ pids: [99] });
  expect(await readdir(join(homeDir, 'data'))).toEqual(['topic']);
});

test('a given Kafka is used even beside a running stack, which other tools go on finding', async () => {
  await writeDevFile(join(homeDir, 'dev.json'), running('stack'));
  const stack = await start(hostWith(given));
  expect(stack).toMatchObject({ brokers: given.KAFKA_BROKERS, ownsTopics: false });
  await stack.stop();
  expect(await readDevFile(hostWith({}), join(homeDir, 'dev.json'))).toMatchObject({ pids: [99] });
});

test.each([['start', 'start'], ['start', 'stack'], ['stack', 'stack']] as const)('while %s runs, %s is refused and clears nothing', async (first, second) => {
  await writeDevFile(join(homeDir, 'dev.json'), running(first));
  await expect(start(hostWith({}), { startedBy: second, fresh: true })).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  expect(await readdir(join(homeDir, 'data'))).toEqual(['topic']);
});

test('says at once that what the environment names is not there, and starts nothing beside it', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => { closed.listen(0, '127.0.0.1', resolve); });
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => { closed.close(resolve); });
  const nobody = `127.0.0.1:${port}`;
  await expect(requireGivenKafka(nobody, systemClock, 0)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE', message: expect.stringMatching(new RegExp(`KAFKA_BROKERS ${nobody}.*ECONNREFUSED.*unset`, 's')) as string });
  await expect(requireGivenKafka('nowhere', systemClock, 0)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  await expect(start(hostWith({ ...given, SCHEMA_REGISTRY_URL: `http://${nobody}` }))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  // One of several is enough.
  await requireGivenKafka(`${nobody},${given.KAFKA_BROKERS}`, systemClock, 0);
});
