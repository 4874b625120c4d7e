import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { uniqueName } from '../../topicNames.ts';
import { makeTopic } from './watcher.ts';

const SECONDS = 6;

it('takes less than 1 % of a CPU while there is nothing to do, warns of nothing, and ends when it is closed', async () => {
  const topic = await makeTopic(inject('brokers').split(','), uniqueName('idle'), 6);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'idleClients.ts'), inject('brokers'), topic, String(SECONDS)], { timeout: 60_000 });
  const { cpuMs, records } = JSON.parse(stdout) as { cpuMs: number; records: number };
  console.info(`idle: ${(cpuMs / SECONDS / 10).toFixed(2)} % CPU`);
  expect(records).toBe(1);
  expect(stderr).toBe('');
  expect(cpuMs / (SECONDS * 1000)).toBeLessThan(0.01);
});
