import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Kafka as KafkaClient, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import { isAlive } from '../../shared/embedded/hostProcess.ts';
import { startKafka, startKafkaCluster, type KafkaOptions } from '../../shared/embedded/kafka.ts';
import { KAFKA_VERSION } from '../../shared/embedded/kafkaJars.ts';
import { uniqueName } from '../topicNames.ts';

let dataDir: string;
let options: KafkaOptions;
const stops: Array<() => Promise<void>> = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-embedded-'));
  options = { host: process, cacheDir: inject('cacheDir'), dataDir, port: 0 };
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await rm(dataDir, { recursive: true, force: true });
});

const client = (brokers: string): KafkaClient => new KafkaClient({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });

async function start(extra: Partial<KafkaOptions> = {}) {
  const kafka = await startKafka({ ...options, ...extra });
  stops.push(() => kafka.stop());
  return kafka;
}

async function endOffset(brokers: string, topic: string): Promise<string | undefined> {
  const admin = client(brokers).admin();
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return partition?.high;
}

async function produceOne(brokers: string, topic: string): Promise<void> {
  const admin = client(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client(brokers).producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value: 'kept' }] });
  await producer.disconnect();
}

test('a second start on the same folder finds its topics and records, after a clean stop and after a kill', async () => {
  const topic = uniqueName('kept');
  const first = await start();
  await produceOne(first.brokers, topic);
  await first.stop();
  const second = await start();
  expect(await endOffset(second.brokers, topic)).toBe('1');
  await second.kill();
  const third = await start();
  expect(await endOffset(third.brokers, topic)).toBe('1');
});

test('ports that are taken are avoided, also by two starts at the same moment', async () => {
  const [taken = 0, next = 0] = await freePorts([0, 0]);
  const squatter = createServer();
  await new Promise<void>((resolve) => { squatter.listen(taken, '127.0.0.1', resolve); });
  stops.push(() => new Promise((resolve) => { squatter.close(() => { resolve(); }); }));
  const avoiding = await start({ port: taken });
  expect(avoiding.brokers).not.toBe(`127.0.0.1:${taken}`);
  await avoiding.stop();

  const [one, two] = await Promise.all([start({ port: next, dataDir: join(dataDir, 'one') }), start({ port: next, dataDir: join(dataDir, 'two') })]);
  expect(one.brokers).not.toBe(two.brokers);
});

test('a broker does not outlive a parent that was killed', async () => {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'embedded', 'startKafkaAndTell.ts'), inject('cacheDir'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  stops.push(async () => { parent.kill('SIGKILL'); });
  const brokerPid = await new Promise<number>((resolve) => { createInterface({ input: parent.stdout }).once('line', (line) => { resolve(Number(line)); }); });
  stops.push(async () => { if (isAlive(process, brokerPid)) process.kill(brokerPid, 'SIGKILL'); });
  expect(isAlive(process, brokerPid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(process, brokerPid), { timeout: 10_000, interval: 50 });
});

test('a broker that gives up says why, in the words of its log', async () => {
  await expect(start({ properties: { 'num.io.threads': 'many' } })).rejects.toMatchObject({
    code: 'EMBEDDED_START_FAILED',
    message: expect.stringContaining('num.io.threads') as string,
  });
});

test('a topic that nobody created is refused', async () => {
  const kafka = await start();
  const admin = client(kafka.brokers).admin();
  await admin.connect();
  await expect(admin.fetchTopicMetadata({ topics: ['misspelt'] })).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  expect(await admin.listTopics()).not.toContain('misspelt');
  await admin.disconnect();
});

test('the first stop leaves a start-up archive, and a broken archive only costs time', async () => {
  const cacheDir = join(dataDir, 'cache');
  await mkdir(cacheDir);
  await symlink(join(inject('cacheDir'), `kafka-${KAFKA_VERSION}`), join(cacheDir, `kafka-${KAFKA_VERSION}`));
  const first = await start({ cacheDir });
  await first.stop();
  const archives = (await readdir(cacheDir)).filter((name) => name.includes('.jsa'));
  expect(archives).toEqual([expect.stringMatching(/^kafka-.*\.jsa$/)]);
  const archive = join(cacheDir, archives[0] ?? '');
  expect((await stat(archive)).size).toBeGreaterThan(10e6);

  await rm(archive);
  await writeFile(archive, 'not an archive');
  const second = await start({ cacheDir });
  expect(second.brokers).toMatch(/^127\.0\.0\.1:\d+$/);
});

test('of three brokers one is killed and nothing acked is lost; it comes back on its port', async () => {
  const cluster = await startKafkaCluster({ ...options, brokers: 3 });
  // A clean stop takes 5 s: the last two have no majority left to take leave of.
  stops.push(async () => { await Promise.all([1, 2, 3].map((nodeId) => cluster.node(nodeId).kill())); });
  const topic = uniqueName('replicated');
  await produceOne(cluster.brokers, topic);
  const { node, pid } = cluster.node(2);
  await cluster.node(2).kill();
  expect(isAlive(process, pid)).toBe(false);
  const rest = [1, 3].map((nodeId) => `127.0.0.1:${cluster.node(nodeId).node.port}`).join(',');
  await vi.waitFor(async () => { expect(await endOffset(rest, topic)).toBe('1'); }, { timeout: 30_000, interval: 200 });
  const back = await cluster.restart(2);
  expect(back.node).toEqual(node);
});
