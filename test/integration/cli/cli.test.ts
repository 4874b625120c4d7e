import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createMillrace, type Millrace, type Worker } from 'millrace';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { prepareSchedulesTopic } from '../../../shared/schedules/prepareSchedulesTopic.ts';
import { createDatabase } from '../../postgres/createDatabase.ts';
import { uniqueName } from '../../topicNames.ts';
import { callCli, startCli, type CliEnd } from './runner.ts';
import { until } from '../../until.ts';

/** Replayed. */
const JOBS = 40;
/** One queue, one worker, one status service: the commands in the order of a day's work. */
const queue = uniqueName('cli');
const root = join(import.meta.dirname, '..', '..', '..');
const jobsPath = join(import.meta.dirname, 'jobs.ts');
let folder = '';
let env: Record<string, string> = {};
let millrace: Millrace;
let worker: Worker;
let status: ChildProcess;
let database: Awaited<ReturnType<typeof createDatabase>>;

const json = (end: CliEnd): Record<string, unknown> => {
  expect(end.stderr).toBe('');
  return JSON.parse(end.stdout) as Record<string, unknown>;
};
/** A process of its own, for machines. */
const run = (...args: string[]): Promise<CliEnd> => startCli([...args, '--json'], env, folder).ended;
/** For people. */
const tell = (...args: string[]): Promise<CliEnd> => callCli(args, env, folder);

const stateOf = async (id: string): Promise<unknown> => {
  const end = await callCli(['status', id, '--json'], env, folder);
  return end.code === 0 ? (json(end)['job'] as { state: string }).state : end.code;
};

async function enqueue(orderId: string, cents: number, ...more: string[]): Promise<{ id: string; at: string }> {
  return json(await callCli(['enqueue', 'order.charge', JSON.stringify({ orderId, cents }), '--jobs', jobsPath, ...more, '--json'], env, folder)) as { id: string; at: string };
}

beforeAll(async () => {
  database = await createDatabase(inject('databaseUrl'));
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
  process.env['CLI_TEST_QUEUE'] = queue;
  env = {
    KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), MILLRACE_STATUS_URL: 'http://127.0.0.1:1', MILLRACE_SCHEDULES_TOPIC: uniqueName('schedules'),
    CLI_TEST_QUEUE: queue, CLI_TEST_WITNESS: join(folder, 'witness'),
  };
  await writeFile(env['CLI_TEST_WITNESS'] ?? '', '');
});

afterAll(async () => {
  status?.kill('SIGKILL');
  await millrace?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('the command line', () => {
  test('plans a queue\'s topics, makes them, and then has nothing to do', async () => {
    const planned = await run('topics', 'plan', queue);
    expect(planned.code).toBe(1);
    expect((json(planned)['changes'] as unknown[]).length).toBe(4);
    expect((await tell('topics', 'apply', queue, '--partitions', '3')).code).toBe(0);
    const again = await tell('topics', 'plan', queue);
    expect([again.code, again.stdout]).toEqual([0, 'all is as it should be\n']);
    const more = await tell('topics', 'apply', queue, '--partitions', '4');
    expect([more.code, more.stderr]).toEqual([5, expect.stringContaining('--force does it') as string]);
  });

  test('enqueues by a definition, and by what the registry knows', async () => {
    const defined = json(await run('enqueue', 'order.charge', '{"orderId":"a","cents":1}', '--jobs', jobsPath));
    expect(defined).toMatchObject({ kind: 'order.charge', queue, at: expect.stringContaining(`${queue}/`) as string });
    const bare = await tell('enqueue', 'order.charge', '{"orderId":"b","cents":2}', '--queue', queue, '--subject', 'cli.Order', '--key', 'b', '--id', 'by-hand');
    expect([bare.code, bare.stdout]).toEqual([0, expect.stringContaining('id    by-hand') as string]);
  });

  test('ends with the code that the trouble has', async () => {
    const table: [number, string[]][] = [
      [0, ['--help']], [0, ['redrive', '--help']], [0, ['--version']],
      [2, ['enqeue']], [2, ['dead']], [2, ['enqueue', 'order.charge']], [2, ['redrive', queue]], [2, ['jobs', '--limit', 'many']], [2, ['replay', queue]], [2, ['move-offsets', queue]], [2, ['pause', queue, '--kind', 'a', '--key', 'b']],
      [2, ['enqueue', 'order.charge', '{"orderId":"a"}', '--jobs', jobsPath]], [2, ['enqueue', 'order.charge', 'no json', '--jobs', jobsPath]], [2, ['dead', 'list', queue, '--from', 'tomorrow']], [2, ['claims', 'expire', '--older-than', '400d']],
      [3, ['enqueue', 'order.chrge', '{}', '--jobs', jobsPath]], [3, ['enqueue', 'x', '{}', '--queue', queue, '--subject', 'no.Such']], [3, ['dead', 'list', 'no-such-queue']], [3, ['redrive', queue, '--all']], [3, ['queues', 'no-such-queue', '--direct']],
      [4, ['status', 'any']], [4, ['explain', 'any']], [4, ['tags', 'rules']],
    ];
    for (const [code, args] of table) {
      const end = await tell(...args);
      expect([args.join(' '), end.code]).toEqual([args.join(' '), code]);
    }
    expect((await tell('enqeue')).stderr).toContain('Did you mean enqueue?');
    expect((await tell('enqueue', 'order.chrge', '{}', '--jobs', jobsPath)).stderr).toContain('Did you mean order.charge?');
    const machine = await startCli(['status', 'any', '--json'], env, folder).ended;
    expect([machine.code, machine.stdout, (JSON.parse(machine.stderr) as { error: { code: string } }).error.code]).toEqual([4, '', 'STATUS_UNAVAILABLE']);
  });

  test('pauses, says what is paused, and lets single jobs be cancelled or run now before anything ran', async () => {
    expect((await run('pause', queue, '--key', 'p')).code).toBe(0);
    expect((await tell('pauses', queue)).stdout).toContain('key:p');
    expect((await tell('resume', queue)).stdout).toContain('still paused, each until it is resumed itself: key:p');
    const late = await enqueue('late', 5, '--delay', '1d');
    const gone = await enqueue('gone', 5, '--delay', '1d');
    expect(json(await run('run-now', late.id, '--at', late.at))).toMatchObject({ id: late.id, command: 'run-now' });
    expect(json(await run('cancel', gone.id, '--at', gone.at))).toMatchObject({ id: gone.id, command: 'cancel' });
    expect((await tell('doctor', queue)).stdout).toMatch(/fail {2}.*workers +none, and \d+ records wait/);

    const logger = createLogger({ level: 'silent', service: 'test' });
    millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), logger, largePayloads: { folder: join(folder, 'claims') } });
    const { charge } = await import('./jobs.ts');
    worker = await millrace.work([charge]);
    status = spawn(process.execPath, ['--no-warnings', '--conditions=source', join(root, 'services', 'status', 'main.ts')], {
      env: { PATH: process.env['PATH'] ?? '', ...env, MILLRACE_HTTP_PORT: '0', MILLRACE_STATUS_PORT: '0', MILLRACE_START_JITTER: '0s', MILLRACE_STATUS_QUEUES: queue, DATABASE_URL: database.url }, stdio: ['ignore', 'pipe', 'ignore'],
    });
    let log = '';
    status.stdout?.setEncoding('utf8').on('data', (text: string) => { log += text; });
    await until(async () => /"address":"http/.test(log), 'the status service');
    env = { ...env, MILLRACE_STATUS_URL: /"address":"(http[^"]+)"/.exec(log)?.[1] ?? '' };
    await until(async () => await stateOf(late.id) === 'done', 'the job that was to run now');
    await until(async () => await stateOf(gone.id) === 'cancelled', 'the job that was cancelled');
    const held = await enqueue('p', 5);
    const explained = await run('explain', held.id, '--at', held.at);
    expect(explained.code).toBe(0);
    expect((await run('resume', queue, '--key', 'p')).code).toBe(0);
    await until(async () => await stateOf(held.id) === 'done', 'the job that was held');
    expect((await tell('explain', held.id)).stdout).toContain('It is done');
    expect((await tell('cancel', held.id)).stderr).toContain('is done, as the status has it');
  });

  test('tells what became of jobs, one by one, in lists and by queue', async () => {
    expect(json(await run('status', 'by-hand'))).toMatchObject({ job: { state: 'done', key: 'b', attempts: 1 } });
    expect((await tell('status', 'by-hand')).stdout).toMatch(/^id +by-hand\nstate +done\n/);
    const { jobs } = json(await run('jobs', '--queue', queue, '--state', 'done', '--limit', '2')) as { jobs: unknown[] };
    expect(jobs.length).toBe(2);
    expect((await tell('jobs', '--queue', queue, '--key', 'b')).stdout).toMatch(/by-hand.*done/);
    expect(json(await run('queues', queue))).toMatchObject({ source: 'status', queues: [{ queue }] });
    expect(json(await callCli(['queues', queue, '--direct', '--json'], env, folder))).toMatchObject({ source: 'kafka', queues: [{ queue, partitions: 3, members: 1 }] });
    expect((await tell('status', 'no-such-job')).code).toBe(3);
  });

  test('shows the dead, tags them, sends them back with another payload, and gives them up', async () => {
    const [first, second] = [await enqueue('neg', -1, '--id', 'neg-1'), await enqueue('neg-2', -2, '--id', 'neg-2')];
    await until(async () => await stateOf(first.id) === 'dead' && await stateOf(second.id) === 'dead', 'both to be dead');
    const { jobs } = json(await run('dead', 'list', queue, '--error', 'NEGATIVE')) as { jobs: { id: string }[] };
    expect(jobs.map(({ id }) => id).toSorted()).toEqual(['neg-1', 'neg-2']);
    expect(json(await run('dead', 'show', queue, 'neg-1'))).toMatchObject({ payload: { orderId: 'neg', cents: -1 }, failure: { code: 'NEGATIVE' }, attempts: 2, headers: { ce_id: 'neg-1' } });
    expect((await run('tags', 'add', 'neg-2', 'follow-up')).code).toBe(0);
    const tagged = json(await callCli(['dead', 'list', queue, '--tag', 'follow-up', '--json'], env, folder)) as { jobs: { id: string }[] };
    expect(tagged.jobs.map(({ id }) => id)).toEqual(['neg-2']);

    expect((await tell('redrive', queue, '--error', 'NEGATIVE', '--dry-run')).stdout).toContain('2 would be redriven');
    expect(json(await run('redrive', queue, '--id', 'neg-1', '--edit', '{"orderId":"neg","cents":10}'))).toMatchObject({ selected: 1, redriven: 1 });
    expect((await tell('redrive', queue, '--id', 'neg-1')).stdout).toMatch(/^asked for 1 of 1 to be redriven.*redriven before is passed over/);
    await until(async () => await stateOf('neg-1') === 'done', 'the edited job to be done');
    expect(json(await run('discard', queue, '--tag', 'follow-up', '--reason', 'test money', '--per-second', '100'))).toMatchObject({ selected: 1, discarded: 1 });
    await until(async () => await stateOf('neg-2') === 'cancelled', 'the other to be given up');
    expect((await tell('status', 'neg-2')).stdout).toContain('test money');
  });

  test('shows and edits the payload of a dead job, not the claim that stands for a large one', async () => {
    const stored = { ...env, MILLRACE_CLAIMS_FOLDER: join(folder, 'claims'), MILLRACE_CLAIMS_OVER: '1KiB' };
    const orderId = 'l'.repeat(2000);
    const call = (...args: string[]): Promise<CliEnd> => callCli([...args, '--json'], stored, folder);
    const { id } = json(await call('enqueue', 'order.charge', JSON.stringify({ orderId, cents: -3 }), '--jobs', jobsPath, '--id', 'large-1')) as { id: string };
    await until(async () => await stateOf(id) === 'dead', 'the large one to be dead');
    expect(json(await call('dead', 'show', queue, id))).toMatchObject({ schema: 'cli.Order', payload: { orderId, cents: -3 }, payloadFlaw: null });
    const edit = ['redrive', queue, '--id', id, '--edit', JSON.stringify({ orderId, cents: 3 })];
    const without = await tell(...edit);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('MILLRACE_CLAIMS_FOLDER') as string]);
    expect(json(await call(...edit))).toMatchObject({ redriven: 1 });
    await until(async () => await stateOf(id) === 'done', 'the large one to be done');
  });

  test('replays a range, goes on after a kill, and leaves the queue as it is', async () => {
    const from = new Date().toISOString();
    for (let cents = 0; cents < JOBS; cents += 1) await enqueue(`r-${cents % 4}`, cents);
    await until(async () => (json(await callCli(['queues', queue, '--direct', '--json'], env, folder))['queues'] as { lag: number }[])[0]?.lag === 0, 'the queue to be worked off');
    const admin = createKafkajsBroker({ brokers: [inject('brokers')] }).createAdmin({ clientId: 'test' });
    const look = async () => ({ bounds: await Promise.all(['', '.dlq', '.events'].map((suffix) => admin.logBounds(queue + suffix))), committed: await admin.committed(`millrace.${queue}`, queue) });
    const before = await look();

    const dry = json(await callCli(['replay', queue, '--from', from, '--dry-run', '--json'], env, folder)) as { plan: { jobs: number } };
    expect(dry.plan.jobs).toBe(JOBS);
    const args = ['replay', queue, '--jobs', jobsPath, '--name', 'again', '--concurrency', '1', '--json'];
    const first = startCli([...args, '--from', from], env, folder);
    const witness = async (): Promise<string[]> => (await readFile(env['CLI_TEST_WITNESS'] ?? '', 'utf8')).split('\n').filter((line) => line !== '');
    const group = `millrace.${queue}.replay.again`;
    const progress = async (): Promise<string> => JSON.stringify(await admin.committed(group, queue));
    await until(async () => (await witness()).length >= 6, 'some of it to be replayed');
    const midway = await progress();
    await until(async () => await progress() !== midway, 'some of that to be committed');
    first.child.kill('SIGKILL');
    await first.ended;
    const killedAt = await witness();

    // Ctrl-C ends one cleanly; on a machine that is busy enough it comes too late.
    const interrupted = startCli(args, env, folder);
    await until(async () => (await witness()).length > killedAt.length || interrupted.child.exitCode !== null, 'more of it to be replayed');
    interrupted.child.kill('SIGINT');
    const end = await interrupted.ended;
    expect([[0, true], [1, false]]).toContainEqual([end.code, json(end)['complete']]);
    const stoppedAt = await witness();

    const second = json(await startCli(args, env, folder).ended) as { complete: boolean; dead: number; plan: { jobs: number } };
    expect(second).toMatchObject({ complete: true, dead: 0 });
    expect(second.plan.jobs).toBeLessThan(JOBS);
    const lines = await witness();
    expect(lines.length).toBeGreaterThanOrEqual(JOBS);
    for (let key = 0; key < 4; key += 1) {
      const cents = (part: readonly string[]): number[] => part.filter((line) => line.startsWith(`r-${key} `)).map((line) => Number(line.split(' ')[1]));
      const all = Array.from({ length: JOBS / 4 }, (_, at) => at * 4 + key);
      expect([...new Set(cents(lines))].toSorted((a, b) => a - b)).toEqual(all);
      // Each run of it goes up: what the kill repeats is the end of what was.
      for (const part of [cents(killedAt), cents(lines.slice(killedAt.length, stoppedAt.length)), cents(lines.slice(stoppedAt.length))]) expect(part).toEqual(part.toSorted((a, b) => a - b));
    }
    expect(lines).toContain('r-3 7 2');
    expect(json(await callCli(args, env, folder))).toMatchObject({ complete: true, plan: { jobs: 0 } });
    expect(await look()).toEqual(before);
    await admin.close();
  });

  test('keeps schedules', async () => {
    const admin = createKafkajsBroker({ brokers: [inject('brokers')] }).createAdmin({ clientId: 'test' });
    await prepareSchedulesTopic(admin, env['MILLRACE_SCHEDULES_TOPIC'] ?? '', { partitions: 1, replicationFactor: 1 });
    await admin.close();
    expect((await run('schedules', 'put', 'nightly', 'order.charge', '{"orderId":"s","cents":1}', '--jobs', jobsPath, '--cron', '0 3 * * *', '--timezone', 'Europe/Lisbon')).code).toBe(0);
    expect((await tell('schedules', 'put', 'often', 'order.charge', '{"orderId":"s","cents":1}', '--queue', queue, '--subject', 'cli.Order', '--key', 's', '--every', '5m')).stdout).toContain('its next run is in');
    expect((await tell('schedules', 'pause', 'often', '--note', 'holidays')).code).toBe(0);
    expect((await tell('schedules', 'list')).stdout).toMatch(/nightly +0 3 \* \* \* Europe\/Lisbon.*\noften +every 300s.*paused/);
    expect((await tell('schedules', 'resume', 'often')).code).toBe(0);
    expect((await tell('schedules', 'run-now', 'often')).stdout).toContain('asked to run often: job ');
    expect(json(await callCli(['schedules', 'show', 'often', '--json'], env, folder))).toMatchObject({ name: 'often', paused: null });
    expect((json(await callCli(['schedules', 'next', '--cron', '0 9 * * MON-FRI', '--count', '3', '--json'], {}, folder))['next'] as unknown[]).length).toBe(3);
    expect((await tell('schedules', 'remove', 'often')).code).toBe(0);
    expect((await tell('schedules', 'show', 'often')).code).toBe(3);
  });

  test('moves a queue\'s offsets only when no worker is alive, and its doctor says what is wrong', async () => {
    expect((await tell('move-offsets', queue, '--to', 'beginning')).code).toBe(5);
    const healthy = json(await run('doctor', queue)) as { findings: { check: string; level: string }[] };
    expect(healthy.findings.filter(({ level }) => level === 'fail')).toEqual([]);
    expect(healthy.findings.map(({ check }) => check)).toEqual(expect.arrayContaining(['node', 'kafka', 'clock', 'registry', 'status', `${queue}: topics`, `${queue}: workers`, `${queue}: backlog`]));
    await worker.stop();
    const planned = json(await run('move-offsets', queue, '--to', 'beginning', '--dry-run')) as { again: number; moved: boolean };
    expect(planned).toMatchObject({ moved: false, skipped: 0 });
    expect(json(await callCli(['move-offsets', queue, '--to', 'beginning', '--json'], env, folder))).toMatchObject({ moved: true, again: planned.again });
    const lag = async (): Promise<number | undefined> => (json(await callCli(['queues', queue, '--direct', '--json'], env, folder))['queues'] as { lag: number }[])[0]?.lag;
    expect(await lag()).toBeGreaterThanOrEqual(planned.again);
    expect((await tell('move-offsets', queue, '--to', 'end')).stderr).toContain('force skips them');
    expect((await tell('doctor', queue, '--read-only')).code).toBe(1);
  });

  test('expires large payloads where it is told of a store', async () => {
    expect(json(await startCli(['claims', 'expire', '--older-than', '400d', '--json'], { ...env, MILLRACE_CLAIMS_FOLDER: join(folder, 'claims') }, folder).ended)).toEqual({ removed: 0 });
  });
});
