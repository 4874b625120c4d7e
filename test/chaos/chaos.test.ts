import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openChaosCluster } from './cluster/chaosCluster.ts';
import { Journal } from './journal.ts';
import { usualOptions } from './options.ts';
import { runChaos } from './runChaos.ts';

/** Those that tell most in a few minutes: the long run (`npm run chaos`) draws among all. */
const faults = ['kill worker', 'leader lost', 'freeze worker', 'DLQ rejects', 'replies lost', 'registry hangs', 'deploy', 'coordinator lost'];
const MOST_MS = 8 * 60_000;

test('keeps every promise on three brokers while workers, brokers, the network, topics and the registry fail in turn', { timeout: MOST_MS }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-chaos-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const cluster = await openChaosCluster({ host: process, cacheDir: inject('cacheDir'), dataDir: join(dataDir, 'kafka') });
  onTestFinished(() => cluster.close());
  const lines: string[] = [];
  const journal = new Journal((line) => { lines.push(line); }, false);
  const { violations, failures, figures } = await runChaos(
    { ...usualOptions, seed: 4, inTurn: faults, longestHoldMs: 8000, sessionTimeoutMs: 6000, jobsPerSecond: 60, restMs: [500, 1500] },
    cluster, inject('registryUrl'), join(dataDir, 'run'), journal, new AbortController().signal,
  );
  // The story of the run, where something went wrong.
  if (violations.length > 0 || failures.length > 0) console.info(lines.join('\n'));
  expect(failures).toEqual([]);
  expect(violations).toEqual([]);
  expect(figures.faults.map(({ name }) => name).sort()).toEqual([...faults].sort());
  expect(figures.accepted).toBeGreaterThan(1000);
  expect(figures.buried).toBeGreaterThan(0);
});
