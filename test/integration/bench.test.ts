import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import type { ScenarioResult } from '../../bench/frame/runScenario.ts';
import { scenarios } from '../../bench/scenarios/scenarios.ts';

const root = join(import.meta.dirname, '..', '..');

test('every scenario of the benchmark runs, tiny, and each of its checks comes out right; who is missing is named with what to install', { timeout: 300_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', join(root, 'bench', 'main.ts'), '--smoke', '--json'], {
    env: { ...process.env, KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), DATABASE_URL: inject('databaseUrl') },
    maxBuffer: 16 * 1024 * 1024,
  }).catch((error: unknown) => error as { stdout: string });
  const { results } = JSON.parse(stdout) as { results: ScenarioResult[] };
  expect(results.map(({ scenario }) => scenario).toSorted()).toEqual(scenarios.map(({ name }) => name).toSorted());
  for (const { scenario, rows, skipped } of results) {
    expect(rows.length, scenario).toBeGreaterThan(0);
    for (const { contestant, check } of rows) expect(check, `${scenario}: ${contestant}`).toMatchObject({ ok: true });
    for (const { contestant, reason } of skipped) expect(reason, `${scenario}: ${contestant}`).toMatch(/install|npm run/);
  }
});
