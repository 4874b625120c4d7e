import { expect, test } from 'vitest';
import { asProperties, brokerSettings } from '../../../shared/embedded/brokerProperties.ts';
import { asEnvironment } from '../../../shared/embedded/dockerKafka.ts';
import { parseJavaMajor } from '../../../shared/embedded/findTool.ts';
import { downloadedBytes } from '../../../shared/embedded/maven.ts';

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "25" 2025-09-16', 25],
  ['openjdk version "21-ea" 2023-09-19', 21],
  ['command not found', undefined],
])('reads the major version out of %s', (printed, major) => {
  expect(parseJavaMajor(printed)).toBe(major);
});

test.each([
  ['[INFO] Downloaded from central: https://example/a.jar (5.2 MB at 1.6 MB/s)', 5.2e6],
  ['[INFO] Downloaded from central: https://example/a.pom (11 kB at 1.6 MB/s)', 11e3],
  ['[INFO] Downloaded from a mirror: https://example/a.sha1 (40 B at 1 kB/s)', 40],
  ['[INFO] Downloading from central: https://example/a.jar', 0],
  ['[INFO] BUILD SUCCESS', 0],
])('counts what Maven says it downloaded: %s', (line, bytes) => {
  expect(downloadedBytes(line)).toBe(bytes);
});

test('a lone broker keeps one copy of everything, three keep three with two in sync', () => {
  const nodes = [1, 2, 3].map((nodeId) => ({ nodeId, port: 9000 + 2 * nodeId, controllerPort: 9001 + 2 * nodeId }));
  const [first] = nodes;
  if (first === undefined) throw new Error('no nodes');
  const alone = brokerSettings(first, [first], 'log');
  const together = brokerSettings(first, nodes, 'log');
  expect([alone['offsets.topic.replication.factor'], alone['min.insync.replicas']]).toEqual(['1', '1']);
  expect([together['offsets.topic.replication.factor'], together['min.insync.replicas']]).toEqual(['3', '2']);
  expect(together['controller.quorum.voters']).toBe('1@127.0.0.1:9003,2@127.0.0.1:9005,3@127.0.0.1:9007');
});

test('a property of the caller wins, and a backslash survives the properties format', () => {
  const node = { nodeId: 1, port: 1, controllerPort: 2 };
  const text = asProperties(brokerSettings(node, [node], 'a\\b', { 'message.max.bytes': '77', 'num.io.threads': '9' }));
  expect(text).toContain('num.io.threads=9\n');
  expect(text).toContain('message.max.bytes=77\n');
  expect(text).not.toContain('num.io.threads=4');
  expect(text).toContain('log.dirs=a\\\\b\n');
});

test('properties become environment variables in the spelling of Kafka\'s image', () => {
  expect(asEnvironment({ 'log.dirs': 'x', 'a-b_c': 'y' })).toEqual({ KAFKA_LOG_DIRS: 'x', KAFKA_A__B___C: 'y' });
});
