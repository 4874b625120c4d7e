import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { readFlights } from '../../examples/flights/data.ts';
import { planRun } from '../../examples/flights/planRun.ts';
import { writeDevFile, type DevFile } from '../../shared/embedded/devFile.ts';
import { isAlive } from '../../shared/embedded/hostProcess.ts';
import { uniqueName } from '../topicNames.ts';

/** What `--json` prints, with what else this test looks at. */
interface Told {
  readonly event: string;
  readonly text?: string;
  readonly ok?: boolean;
  readonly [field: string]: unknown;
}

const root = join(import.meta.dirname, '..', '..');
let home: string;
const stillRunning: { pid: number }[] = [];
beforeEach(async () => { home = await mkdtemp(join(tmpdir(), 'millrace-start-')); });
afterEach(async () => {
  // Only what a failed test left behind; npm leads a process group of its own.
  for (const { pid } of stillRunning.splice(0)) process.kill(-pid, 'SIGKILL');
  await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const ports = { MILLRACE_INTAKE_PORT: '0', MILLRACE_STATUS_PORT: '0', MILLRACE_SCHEDULER_PORT: '0' };

/** Runs `npm start -- --json ...` with an environment in which no other Kafka is named than the given one. */
function npmStart(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'KAFKA_BROKERS' && name !== 'SCHEMA_REGISTRY_URL'));
  const child = spawn('npm', ['start', '--silent', '--', '--json', '--home', home, ...args], {
    cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...inherited, MILLRACE_CACHE_DIR: inject('cacheDir'), ...ports, ...env },
  });
  const self = { pid: child.pid ?? 0 };
  stillRunning.push(self);
  const told: Told[] = [];
  let complaint = '';
  const waiters: { heard: (told: Told) => boolean; resolve: (told: Told) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const one = JSON.parse(line) as Told;
    told.push(one);
    for (const { resolve } of waiters.filter(({ heard }) => heard(one))) resolve(one);
  });
  child.stderr.on('data', (chunk: Buffer) => { complaint += chunk.toString(); });
  const ended = once(child, 'close').then(([code]: unknown[]) => {
    stillRunning.splice(stillRunning.indexOf(self), 1);
    return code;
  });
  return {
    told,
    complaint: () => complaint,
    /** The exit code. */
    ended,
    /** The first thing told of that name, and of which `also` holds; fails when the process ends without it. */
    hear: (event: string, also: (told: Told) => boolean = () => true): Promise<Told> => Promise.race([
      new Promise<Told>((resolve) => {
        const heard = (one: Told): boolean => one.event === event && also(one);
        const known = told.find(heard);
        if (known === undefined) waiters.push({ heard, resolve });
        else resolve(known);
      }),
      ended.then((code) => { throw new Error(`npm start ended with ${String(code)} before it told ${event}: ${JSON.stringify(told.slice(-5))} ${complaint}`); }),
    ]),
    /** Ctrl-C, as a terminal does it: to everybody. npm passes it on a second time. */
    interrupt: () => process.kill(-self.pid, 'SIGINT'),
  };
}

const given = () => ({ KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl') });

test('npm start feeds real departures, buries the bad ones, keeps the order, and ends with 0', async () => {
  const run = npmStart(['--once', '--records', '400', '--rate', '4000', '--queue', uniqueName('flights')], given());
  expect(await run.hear('found')).toMatchObject({ jobs: 0 });
  expect(await run.hear('summary')).toMatchObject({
    ok: true, enqueued: 406, done: 400, retried: planRun('', await readFlights(400)).retried,
    buried: { total: 6, byReason: { dead: 1, empty: 1, wire: 1, 'schema-unknown': 1, undecodable: 2 }, asPlanned: true },
    order: { ok: true, repeated: 0, violations: [] }, statistics: { ok: true, differences: [] }, committed: { ok: true },
  });
  expect(await run.ended).toBe(0);
  expect(run.told.some(({ event, done }) => event === 'progress' && done === 400)).toBe(true);
});

test('npm start uses the stack that npm run stack keeps running, and leaves it to its owner', async () => {
  const devFile: DevFile = { brokers: inject('brokers'), registryUrl: inject('registryUrl'), startedBy: 'stack', pids: [process.pid], startedAt: new Date().toISOString() };
  await writeDevFile(join(home, 'dev.json'), devFile);
  const queue = uniqueName('flights');
  // Here the Kafka is that of the tests, which is full of others' queues and schedules.
  const run = npmStart(['--once', '--records', '20', '--queue', queue], { MILLRACE_STATUS_QUEUES: queue, MILLRACE_SCHEDULES_TOPIC: uniqueName('schedules') });
  expect(await run.hear('summary')).toMatchObject({ ok: true });
  expect(await run.ended).toBe(0);
  expect(JSON.parse(await readFile(join(home, 'dev.json'), 'utf8'))).toEqual(devFile);
});

test('a second npm start on the same folder is refused, and told where the first one is', async () => {
  await writeDevFile(join(home, 'dev.json'), { brokers: 'b:1', registryUrl: 'http://r', startedBy: 'start', pids: [process.pid], startedAt: new Date().toISOString() });
  const run = npmStart(['--once'], given());
  expect(await run.ended).toBe(1);
  expect(run.complaint()).toMatch(new RegExp(`process ${process.pid}.*b:1`));
});

test('a wrong option is refused before anything starts', async () => {
  const run = npmStart(['--recods', '5']);
  expect(await run.ended).toBe(1);
  expect(run.complaint()).toContain('Did you mean --records?');
  expect(run.told).toEqual([]);
});

test('a setting that is misspelt is refused before anything starts', async () => {
  const run = npmStart([], { MILLRACE_CACHE_DIRR: 'elsewhere' });
  expect(await run.ended).toBe(1);
  expect(run.complaint()).toContain('did you mean MILLRACE_CACHE_DIR?');
  expect(run.told).toEqual([]);
});

test('with nothing given it starts its own Kafka and registry; Ctrl-C in mid-run leaves no process behind, and the next start goes on where it stopped', async () => {
  const first = npmStart(['--records', '2000', '--rate', '20000']);
  await first.hear('progress', ({ enqueued, total }) => enqueued === total);
  const { pids, startedBy } = JSON.parse(await readFile(join(home, 'dev.json'), 'utf8')) as DevFile;
  expect(startedBy).toBe('start');
  expect(pids.length).toBeGreaterThanOrEqual(2);
  expect(pids.every((pid) => isAlive(process, pid))).toBe(true);
  first.interrupt();
  expect(await first.ended).toBe(0);
  // The retries of the busiest airports alone take seconds: it cannot have been through.
  expect(first.told.some(({ event }) => event === 'summary')).toBe(false);
  expect(pids.filter((pid) => isAlive(process, pid))).toEqual([]);
  await expect(access(join(home, 'dev.json'))).rejects.toThrow();

  const second = npmStart(['--records', '20']);
  expect(await second.hear('found')).toMatchObject({ jobs: 2006 });
  const summary = await second.hear('summary');
  expect(summary).toMatchObject({ ok: true, done: 20, earlier: { runs: 1, ok: true } });
  expect((summary['earlier'] as { jobs: number }).jobs).toBeGreaterThan(0);
  second.interrupt();
  expect(await second.ended).toBe(0);
}, 240_000);
