import { startStack } from '../../shared/embedded/stack.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { startPostgres } from '../postgres/startPostgres.ts';
import { playRelayTour } from './relayTour.ts';
import { armSources } from './sources.ts';

/** `npm run failpoints:outbox`: kills outbox relays at every point of shared/outbox that one comes by, each once. */
const usage = `npm run failpoints:outbox

Kills outbox relays at every point of shared/outbox that one comes by, each once, on real Kafka and a PostgreSQL of its own. Ends with 1 when a job was
lost, or ran out of the order of its commit.`;
if (takeArguments(process, { usage }) === null) process.exit();
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const { points, code } = armSources();
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-relay-sweep-'));
const stack = await startStack({
  host: process, env: process.env, cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '..', '.cache'), dataDir,
  need: { kafka: true, registry: true }, registryStorage: 'memory', ports: { kafka: 0, registry: 0 }, report: say,
});
const postgres = await startPostgres({ durable: false });
const startMs = performance.now();
const setting = { brokers: stack.brokers, registryUrl: stack.registryUrl, databaseUrl: postgres.url, code, say };
try {
  const own = points.filter((point) => /^(shared\/outbox|services\/outbox-relay)\//.test(point));
  const { visited } = await playRelayTour({ ...setting, points: [] });
  const reached = own.filter((point) => visited.has(point));
  say(`${own.length} points, ${reached.length} reached`);
  const report = await playRelayTour({ ...setting, points: reached });
  say(`${report.died.length} of ${reached.length} deaths, ${report.doubles} records came twice, ${Math.round((performance.now() - startMs) / 1000)} s`);
  const held = isDeepStrictEqual(report.ran, report.committed);
  say(held ? 'every job ran once, in the order of commits' : `BROKEN: committed ${JSON.stringify([...report.committed])}, ran ${JSON.stringify([...report.ran])}`);
  process.exitCode = held ? 0 : 1;
} finally {
  await postgres.stop();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
