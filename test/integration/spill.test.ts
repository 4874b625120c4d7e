import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test, vi } from 'vitest';
import { createMillrace, defineJob, retry } from 'millrace';
import { createLogger } from '../../shared/runtime/logger.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { jobV1, sampleJob } from '../unit/worker/sampleJob.ts';
import { uniqueName } from '../topicNames.ts';

const JOBS = 300;

test('a waiting room of which nothing may stay in memory runs in order from the disk, beside what a crash left there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-spill-test-'));
  await writeFile(join(folder, 'millrace-spill-0123456789abcdef'), 'of a process that was killed');
  const queue = uniqueName('spill');
  const millrace = createMillrace({
    brokers: inject('brokers'), registryUrl: inject('registryUrl'), topics: { partitions: 2, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }),
  });
  let gateOpen = false;
  const ran: number[] = [];
  const job = defineJob({
    kind: `${queue}.do`, queue, schema: jobV1, key: () => 'one', retry: { attempts: 10_000, backoff: { first: '100ms', factor: 1 } },
    handle(payload) {
      if (!gateOpen) return retry();
      ran.push(payload.sequence);
      return undefined;
    },
  });
  await millrace.enqueueMany(job, Array.from({ length: JOBS }, (_, sequence) => sampleJob(sequence)));
  const worker = await millrace.work([job], { spill: { folder, overBytes: 1 }, limits: { frontierPatienceMs: 10, roomBytes: 300_000 } });
  const [runner] = worker.runners;
  await vi.waitFor(() => { expect(runner?.bodies.spilled.jobs).toBeGreaterThanOrEqual(JOBS - 1); }, { timeout: 60_000 });
  expect(runner?.bodies.spilled.bytes).toBeGreaterThan(JOBS * 100);
  expect(await readdir(folder)).toEqual([]);
  gateOpen = true;
  await vi.waitFor(() => { expect(ran.length).toBe(JOBS); }, { timeout: 60_000 });
  expect(ran).toEqual(Array.from({ length: JOBS }, (_, sequence) => sequence));
  await vi.waitFor(() => { expect(runner?.bodies.spilled.jobs).toBe(0); }, { timeout: 60_000 });
  await millrace.close();
  await rm(folder, { recursive: true });
}, 240_000);
