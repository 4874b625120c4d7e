import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka as KafkaClient, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import { startRegistry } from '../../shared/embedded/registry.ts';
import { startStack, type Stack } from '../../shared/embedded/stack.ts';

let dataDir: string;
let running: Stack | undefined;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-embedded-'));
  await startAgain();
});
afterAll(async () => {
  await running?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function startAgain(): Promise<Stack> {
  await running?.stop();
  return running = await startStack({
    host: process, env: {}, cacheDir: inject('cacheDir'), dataDir,
    need: { kafka: true, registry: true }, ports: { kafka: 0, registry: 0 }, report: () => {},
  });
}

function stack(): Stack {
  if (running === undefined) throw new Error('beforeAll has not run');
  return running;
}

async function send(method: 'PUT' | 'POST', url: string, body: unknown): Promise<{ status: number; json: { id?: number } }> {
  const answer = await fetch(url, { method, headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() as { id?: number } };
}

const record = (...fields: unknown[]): { schema: string } => ({ schema: JSON.stringify({ type: 'record', name: 'Thing', namespace: 'test', fields }) });
const v1 = record({ name: 'a', type: 'string' });
const v2 = record({ name: 'a', type: 'string' }, { name: 'b', type: 'int', default: 0 });
const incompatible = record({ name: 'a', type: 'int' });

test('the topic that schemas are kept in is never trimmed', async () => {
  const admin = new KafkaClient({ brokers: stack().brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 'schema-registry-journal', configNames: ['cleanup.policy', 'retention.ms', 'retention.bytes'] }] });
  await admin.disconnect();
  const config = Object.fromEntries((resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]));
  expect(config).toEqual({ 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' });
});

test('once a subject has its rule, what would break readers is refused; ids survive a restart of registry and Kafka', async () => {
  const before = stack();
  const versions = `${before.registryUrl}/subjects/test.Thing/versions`;
  expect((await send('PUT', `${before.registryUrl}/config/test.Thing`, { compatibility: 'BACKWARD_TRANSITIVE' })).status).toBe(200);
  const ids = [await send('POST', versions, v1), await send('POST', versions, v2)].map(({ json }) => json.id);
  expect(ids).toEqual([expect.any(Number), expect.any(Number)]);
  expect((await send('POST', versions, incompatible)).status).toBe(409);

  const after = await startAgain();
  const again = `${after.registryUrl}/subjects/test.Thing/versions`;
  expect([await send('POST', again, v1), await send('POST', again, v2)].map(({ json }) => json.id)).toEqual(ids);
  const byId = await fetch(`${after.registryUrl}/schemas/ids/${ids[1]}`);
  expect(JSON.parse((await byId.json() as { schema: string }).schema)).toEqual(JSON.parse(v2.schema));
  expect((await send('POST', again, incompatible)).status).toBe(409);
});

test('two registries that start at the same moment and wish for the same port are two', async () => {
  const [port = 0] = await freePorts([0]);
  const folders = [join(dataDir, 'one'), join(dataDir, 'two')];
  const started = await Promise.all(folders.map((folder) => startRegistry({ host: process, cacheDir: inject('cacheDir'), dataDir: folder, storage: { kind: 'memory' }, port })));
  try {
    expect(new Set(started.map(({ url }) => url)).size).toBe(2);
    await fetch(`${started[0]?.url ?? ''}/subjects/only.One/versions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(v1) });
    expect(await Promise.all(started.map(async ({ url }) => (await fetch(`${url}/subjects`)).json()))).toEqual([['only.One'], []]);
  } finally {
    await Promise.all(started.map((registry) => registry.stop()));
  }
});

test('where nothing can run Kafka, the message says what to install', async () => {
  const nowhere = { ...process, env: { PATH: dataDir }, pid: process.pid, kill: process.kill.bind(process) };
  const starting = startStack({
    host: nowhere, env: {}, cacheDir: dataDir, dataDir, need: { kafka: true, registry: false }, report: () => {},
  });
  await expect(starting).rejects.toMatchObject({ code: 'NOTHING_TO_RUN_KAFKA', message: expect.stringMatching(/Java 17 and Maven.*\n.*docker pull.*\n.*KAFKA_BROKERS/) as string });
});
