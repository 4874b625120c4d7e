import { expect, test } from 'vitest';
import { defineJob } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createLogObserver } from '../../../shared/worker/logObserver.ts';
import { createWorker, type Worker } from '../../../shared/worker/worker.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

type Outage = (error: MillraceError | null) => void;

function openScene(): ReturnType<typeof createTestMillrace> & { readonly handled: string[]; readonly asked: number[]; readonly away: Outage; start(): { worker: Worker; started: Promise<string> } } {
  const test = createTestMillrace();
  const { cluster, clock, registry } = test;
  const logger = createLogger({ level: 'silent', service: 'test', clock });
  const handled: string[] = [];
  const asked: number[] = [];
  let refusal: MillraceError | null = null;
  const job = defineJob({ kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', handle: () => { handled.push('job'); } });
  return {
    ...test, handled, asked,
    away: (error) => { refusal = error; },
    start() {
      const worker = createWorker({
        broker: cluster.broker(), jobs: [job], logger, observe: (queue) => createLogObserver(logger, queue), clock, random: () => 0.5,
        registry: {
          ...registry,
          register(subject, schema) {
            asked.push(clock.monotonic());
            return refusal === null ? registry.register(subject, schema) : Promise.reject(refusal);
          },
        },
      });
      return { worker, started: worker.start().then(() => 'started', (error: MillraceError) => error.code) };
    },
  };
}

const down = new MillraceError('REGISTRY_UNAVAILABLE', { at: 'POST subjects', got: 'connection refused' });

test('a worker that starts without a registry says what it waits for, leaves partitions to others, and works when the registry is there', async () => {
  const { cluster, clock, settle, away, asked, start, handled, millrace } = openScene();
  away(down);
  const { worker, started } = start();
  await clock.advance(600_000);
  expect(worker.ready).toBe(false);
  expect(worker.waitsFor).toContain('connection refused');
  expect(cluster.inspect.group('millrace.mail').members).toEqual([]);
  // It asks often enough to notice the return, and no more: two schemas each time.
  const lastMinute = asked.filter((ms) => ms > clock.monotonic() - 60_000).length;
  expect(lastMinute).toBeGreaterThan(4);
  expect(lastMinute).toBeLessThan(40);

  away(null);
  expect(await settle(started)).toBe('started');
  expect(worker.waitsFor).toBeNull();
  await settle(millrace.enqueue(defineJob({ kind: 'mail.send', queue: 'mail', schema: jobV1, key: () => 'e', handle: () => undefined }), sampleJob(1)));
  await clock.runUntil(() => handled.length === 1, { maxMs: 60_000 });
  await settle(worker.stop());
});

test('a stop ends a start that waits for the registry', async () => {
  const { cluster, clock, settle, away, start } = openScene();
  away(down);
  const { worker, started } = start();
  await clock.advance(60_000);
  const beforeMs = clock.monotonic();
  await settle(worker.stop());
  expect(await settle(started)).toBe('NOT_RUNNING');
  expect(clock.monotonic() - beforeMs).toBeLessThan(1000);
  expect(cluster.inspect.group('millrace.mail').members).toEqual([]);
});

test('a schema that the registry refuses ends the start at once: waiting would not mend it', async () => {
  const { settle, away, start } = openScene();
  away(new MillraceError('SCHEMA_INCOMPATIBLE', { at: 'bench.Job' }));
  const { worker, started } = start();
  expect(await settle(started)).toBe('SCHEMA_INCOMPATIBLE');
  await settle(worker.stop());
});
