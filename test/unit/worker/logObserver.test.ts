import { expect, test } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createTestMillrace, createVirtualClock } from '../../../shared/testing/index.ts';
import { createLogObserver } from '../../../shared/worker/logObserver.ts';
import { createWorker } from '../../../shared/worker/worker.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

test('says a trouble that goes on once in five seconds, with how often it came', async () => {
  const clock = createVirtualClock(0);
  const lines: { unsaid: number }[] = [];
  const logger = createLogger({ level: 'info', service: 'test', clock, destination: { write: (line) => { lines.push(JSON.parse(line) as { unsaid: number }); } } });
  const observer = createLogObserver(logger, 'q', clock);
  for (let step = 0; step < 100; step++) {
    observer.trouble(new MillraceError('BROKER_UNAVAILABLE'));
    await clock.advance(100);
  }
  expect(lines.map(({ unsaid }) => unsaid)).toEqual([0, 49]);
  observer.trouble(new MillraceError('BROKER_REFUSED'));
  expect(lines).toHaveLength(3);
});

test('says that an attempt failed, of which job, why and when the next one comes: one line a second for each kind', async () => {
  const { clock, cluster, registry, millrace, until } = createTestMillrace();
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level: 'warn', service: 'test', clock, destination: { write: (line) => { lines.push(JSON.parse(line) as Record<string, unknown>); } } });
  let failures = 0;
  const job = defineJob({
    kind: 'mail.send', queue: 'mail', schema: jobV1, key: ({ orderId }) => orderId, retry: { attempts: 2, backoff: { first: '7s', jitter: 0 } },
    handle(_, { attempt }) {
      if (attempt > 1) return;
      failures++;
      throw Object.assign(new Error('the mail server is full'), { code: 'EFULL' });
    },
  });
  const worker = createWorker({ broker: cluster.broker(), registry, jobs: [job], logger, observe: (queue) => createLogObserver(logger, queue, clock), clock, topics: { partitions: 1, replicationFactor: 1 } });
  void worker.start();
  const enqueued = millrace.enqueueMany(job, Array.from({ length: 30 }, (_, index) => sampleJob(index)));
  await until(() => failures === 30);
  const [receipt] = await enqueued;
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    jobId: receipt?.id, kind: 'mail.send', queue: 'mail', partition: 0, offset: 0, attempt: 1, code: 'EFULL', error: 'the mail server is full',
    nextAt: new Date(clock.now() + 7000).toISOString(), unsaid: 0,
  });
  void worker.stop();
});
