import { expect, test } from 'vitest';
import { defineJob } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createLogObserver } from '../../../shared/worker/logObserver.ts';
import { createWorker } from '../../../shared/worker/worker.ts';
import { jobV1 } from './sampleJob.ts';

test.each([0, 1, 2, 3, 4, 5, 6, 8])('a worker that is stopped %i ms after its start was called joins no group', async (afterMs) => {
  const { cluster, clock, registry, settle } = createTestMillrace();
  const job = defineJob({ kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', handle: () => undefined });
  const logger = createLogger({ level: 'silent', service: 'test', clock });
  const worker = createWorker({ broker: cluster.broker(), registry, jobs: [job], logger, observe: (queue) => createLogObserver(logger, queue), clock });
  const started = worker.start().then(() => 'started', (error: { code: string }) => error.code);
  await clock.advance(afterMs);
  await settle(worker.stop());
  expect(await settle(started)).toMatch(/started|NOT_RUNNING/);
  await clock.advance(60_000);
  expect(cluster.inspect.group('millrace.mail').members).toEqual([]);
});
