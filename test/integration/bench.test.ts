import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import type { Row } from '../../bench/measure/row.ts';

const root = join(import.meta.dirname, '..', '..');

test('the benchmark runs every contestant, tiny, and each of its checks comes out right', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', join(root, 'bench', 'main.ts'), '--smoke', '--json'], {
    env: { ...process.env, KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl') },
  });
  const { rows } = JSON.parse(stdout) as { rows: Row[] };
  expect(rows.map(({ contestant }) => contestant)).toEqual([
    'enqueueMany', 'raw KafkaJS loop', 'millrace', 'millrace, 10 ms handler × 500',
    'plain KafkaJS send', 'millrace', 'millrace, Idempotency-Key', 'millrace, batches',
    'a backlog drained', 'enqueued alone, 4 a transaction', 'enqueued and relayed, 4 a transaction', 'enqueued and relayed, 50 a transaction',
  ]);
  for (const { contestant, check, jobsPerSecond } of rows) {
    expect(jobsPerSecond.median, contestant).toBeGreaterThan(0);
    expect(check, contestant).not.toContain('WRONG');
  }
});
