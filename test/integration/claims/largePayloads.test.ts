import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { createFileClaims } from '../../../shared/claims/fileClaims.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { done } from '../../../shared/jobs/outcome.ts';
import { countedJob } from '../../guarantees/process/intakeJobs.ts';
import { startIntake } from '../../guarantees/process/intakeProcess.ts';
import { createDatabase } from '../../postgres/createDatabase.ts';
import { uniqueName } from '../../topicNames.ts';
import { defineLargeJob, LARGE, nameOf, openMillrace, payload } from './playJourney.ts';
import { until } from '../../until.ts';

let folder = '';
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'millrace-claims-')); });
afterEach(() => rm(folder, { recursive: true, force: true }));

const objects = async (): Promise<string[]> => (await readdir(folder, { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));

test('a store that is away, an object that is gone and one that is spoilt: jobs wait, and only those are buried that nothing can bring back', async () => {
  const ran: string[] = [];
  const job = defineLargeJob((given) => { ran.push(nameOf(given)); return done('r'.repeat(5000)); });
  const millrace = openMillrace({ folder, missingBound: '3s' });
  const enqueue = async (n: number, customer: string, large = true): Promise<string> => {
    const before = new Set(await objects());
    await millrace.enqueue(job, { ...payload(n, large, customer), city: `${n}` });
    return join(folder, (await objects()).find((name) => !before.has(name)) ?? 'none');
  };
  await enqueue(1, 'away');
  await enqueue(2, 'away', false);
  await rm(await enqueue(3, 'gone'));
  await enqueue(4, 'gone', false);
  await truncate(await enqueue(5, 'spoilt'), 1000);
  await enqueue(6, 'spoilt', false);

  await rename(folder, `${folder}-unmounted`);
  try {
    const worker = await millrace.work([job]);
    const waiting = () => [...worker.runners[0]?.engine.partitions.get(0)?.room.values() ?? []].filter(({ reason, room }) => reason === 'dependency-down' && room === 'in').length;
    await until(() => waiting() === 3, 'three jobs to wait for the store');
    expect(ran).toEqual([]);
    expect(await millrace.listBuried(job.queue)).toEqual([]);
  } finally {
    await rename(`${folder}-unmounted`, folder);
  }
  await until(async () => ran.length === 4 && (await millrace.listBuried(job.queue)).length === 2, 'the end of all');
  expect(ran.filter((name) => ['1L', '2'].includes(name))).toEqual(['1L', '2']);
  expect(ran.toSorted()).toEqual(['1L', '2', '4', '6']);
  const buried = await millrace.listBuried(job.queue);
  expect(buried.map(({ reason }) => reason).toSorted()).toEqual(['claim-mismatch', 'claim-missing']);
}, 120_000);

test('a kill between the store and Kafka leaves an object that nobody needs, and no job', async () => {
  const job = defineLargeJob(() => undefined);
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', join(import.meta.dirname, 'dieAfterPut.main.ts'), inject('brokers'), inject('registryUrl'), job.queue, folder], { stdio: 'inherit' });
  const signal = await new Promise((resolve) => { child.once('exit', (_, how) => { resolve(how); }); });
  expect(signal).toBe('SIGKILL');
  expect(await objects()).toHaveLength(1);
  const millrace = openMillrace({ folder });
  expect((await millrace.enqueue(job, payload(1))).offset).toBe(0);
  const later = createFileClaims({ folder, clock: { ...systemClock, now: () => Date.now() + 40 * 86_400_000 } });
  expect(await later.expire(30 * 86_400_000)).toBe(1);
  expect(await objects()).toEqual([]);
});

test('the intake takes large payloads where it is told the folder', async () => {
  const queue = uniqueName('intake');
  const database = await createDatabase(inject('databaseUrl'));
  onTestFinished(() => database.drop());
  const intake = await startIntake({
    KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), DATABASE_URL: database.url, INTAKE_TEST_QUEUE: queue,
    MILLRACE_INTAKE_PATIENCE: '30s', MILLRACE_INTAKE_BODY_BYTES: '8MiB', MILLRACE_CLAIMS_FOLDER: folder,
  });
  onTestFinished(() => intake.kill());
  const answer = await fetch(`${intake.url}/v1/jobs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'order.charge', payload: payload(1, true) }) });
  expect(answer.status).toBe(202);
  expect(await objects()).toHaveLength(1);
  const notes: (string | null)[] = [];
  await openMillrace({ folder }).work([countedJob(queue, (_, { note }) => { notes.push(note); })]);
  await until(() => notes.length === 1, 'the job');
  expect(notes).toEqual([LARGE]);
});
