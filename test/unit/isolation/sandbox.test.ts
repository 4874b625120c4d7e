import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createSandboxStarter, type Sandbox, type SandboxEnd } from '../../../shared/isolation/sandbox.ts';
import type { SandboxLine } from '../../../shared/isolation/sandboxMessages.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { sampleJob } from '../worker/sampleJob.ts';

const MIB = 1024 * 1024;
const start = createSandboxStarter(systemClock);
const open = new Set<Sandbox>();
const strays: SandboxLine[] = [];

function startOne(maxMemoryMiB = 512, module = './handlers/unruly.ts'): Sandbox {
  const sandbox = start('work/kind', { handler: new URL(module, import.meta.url).href, maxMemoryBytes: maxMemoryMiB * MIB }, (line) => { strays.push(line); });
  open.add(sandbox);
  return sandbox;
}

afterEach(async () => {
  for (const sandbox of open) sandbox.kill();
  await Promise.all([...open].map((sandbox) => sandbox.gone));
  open.clear();
  strays.length = 0;
});

const taskOf = (note: string) => ({ payload: sampleJob(1, note), id: 'id-1', key: 'order-1', kind: 'kind', queue: 'work', attempt: 1, fence: 7, enqueuedAtMs: 1_700_000_000_000 });
const run = (sandbox: Sandbox, note: string, log: (line: SandboxLine) => void = () => undefined): Promise<SandboxEnd> => sandbox.run(taskOf(note), log);

describe('an attempt in a sandbox', () => {
  it('ends as its handler says, one after the other in the same process', async () => {
    const sandbox = startOne();
    await sandbox.ready;
    expect(await run(sandbox, 'succeed')).toEqual({ type: 'answered', outcome: { type: 'done' } });
    expect(await run(sandbox, 'ask for another attempt')).toMatchObject({ outcome: { type: 'retry', afterMs: 10 } });
    expect(await run(sandbox, 'snooze')).toMatchObject({ outcome: { type: 'snooze', forMs: 3_600_000 } });
    expect(await run(sandbox, 'ask to be buried')).toMatchObject({ outcome: { type: 'dead', reason: 'dead', failure: { code: 'DEAD', message: 'as asked' } } });
    expect(await run(sandbox, 'throw a type error')).toMatchObject({ type: 'threw', permanent: false, failure: { name: 'TypeError', message: 'wrong type', code: 'ERROR' } });
    expect(await run(sandbox, 'throw with a code')).toMatchObject({ type: 'threw', failure: { code: 'ECONNREFUSED' } });
    expect(await run(sandbox, 'throw for good')).toMatchObject({ type: 'threw', permanent: true });
    expect(await run(sandbox, 'throw null')).toMatchObject({ type: 'threw' });
    expect(await run(sandbox, 'throw what cannot be touched')).toMatchObject({ type: 'threw' });
    expect(await run(sandbox, 'answer a function')).toMatchObject({ outcome: { type: 'retry', failure: { code: 'BAD_ANSWER' } } });
  });

  it('says how far it is', async () => {
    const told: unknown[] = [];
    await startOne().run(taskOf('say how far it is'), () => undefined, (fraction, note) => { told.push([fraction, note]); });
    expect(told).toEqual([[0.5, 'half']]);
  });

  it('is given its payload and its facts', async () => {
    const sandbox = startOne();
    const end = await run(sandbox, 'tell what it was given');
    const message = end.type === 'answered' && end.outcome.type === 'dead' ? end.outcome.failure?.message : '';
    const { payload, ...facts } = taskOf('tell what it was given');
    expect(JSON.parse(message ?? '')).toEqual({ payload, id: facts.id, key: facts.key, kind: facts.kind, queue: facts.queue, attempt: 1, fence: 7, enqueuedAt: '2023-11-14T22:13:20.000Z' });
  });

  it('answers 100 MB, of which no more than a description arrives', async () => {
    const end = await run(startOne(1024), 'answer 100 MB');
    expect(end).toMatchObject({ outcome: { type: 'retry', failure: { code: 'BAD_ANSWER' } } });
    expect(JSON.stringify(end).length).toBeLessThan(1000);
  });

  it('logs with what its lines say, cut where they are long', async () => {
    const lines: SandboxLine[] = [];
    await run(startOne(), 'log', (line) => { lines.push(line); });
    expect(lines.map(({ level, message }) => [level, message])).toEqual([['info', 'a line with fields'], ['warn', 'a line alone'], ['error', 'a line with an error'], ['debug', 'a long line']]);
    const fields = lines.map((line) => JSON.parse(line.fields) as Record<string, unknown>);
    expect(fields[0]).toEqual({ answer: 42 });
    expect(fields[2]).toMatchObject({ err: { type: 'TypeError', message: 'told' } });
    expect(fields[3]).toEqual({ leftOut: 'fields of 10000011 characters' });
  });

  it('is told to stop, and why', async () => {
    const sandbox = startOne();
    await sandbox.ready;
    const end = run(sandbox, 'stop when told');
    sandbox.abort(new MillraceError('LEASE_LOST', { at: 'partition 3' }));
    expect(await end).toMatchObject({ type: 'threw', failure: { code: 'LEASE_LOST', name: 'MillraceError' } });
  });
});

describe('a sandbox dies alone, and says of what, when its handler', () => {
  const byItself: readonly (readonly [string, RegExp])[] = [
    ['leave its parent', /exit code 1/], ['exit', /exit code 0/], ['exit with 7', /exit code 7/], ['kill its process', /SIGSEGV/], ['abort its process', /SIGABRT/], ['throw in a timer', /exit code 1/],
  ];
  it.each(byItself)('decides to %s', async (note, how) => {
    const end = await run(startOne(), note);
    expect(end).toMatchObject({ type: 'died', error: { code: 'SANDBOX_EXITED', message: expect.stringMatching(how) as unknown } });
  });

  it.each(['take a heap of objects', 'take one huge array', 'take a huge map', 'take buffers'])('decides to %s', async (note) => {
    const sandbox = startOne(256);
    await sandbox.ready;
    const end = await run(sandbox, note);
    expect(end).toMatchObject({ type: 'died', error: { code: 'SANDBOX_OUT_OF_MEMORY', message: expect.stringContaining('256 MiB') as unknown } });
  });

  it.each(['match for ever', 'spin', 'hang'])('decides to %s and is killed, while this event loop stays free', async (note) => {
    const sandbox = startOne();
    await sandbox.ready;
    const end = run(sandbox, note);
    sandbox.abort(new MillraceError('TIMEOUT'));
    let worstMs = 0;
    for (let turn = 0; turn < 50; turn++) {
      const before = performance.now();
      await new Promise((resolve) => { setTimeout(resolve, 5); });
      worstMs = Math.max(worstMs, performance.now() - before - 5);
    }
    sandbox.kill();
    expect(await end).toMatchObject({ type: 'died', error: { code: 'SANDBOX_EXITED' } });
    expect(worstMs).toBeLessThan(200);
  });
});

describe('a sandbox', () => {
  it('outlives a promise that an attempt left behind, and says so', async () => {
    const sandbox = startOne();
    await run(sandbox, 'leave a promise behind');
    expect(await run(sandbox, 'succeed after 300 ms')).toMatchObject({ type: 'answered' });
    expect(strays).toMatchObject([{ level: 'error', fields: expect.stringContaining('nobody waits for me') as unknown }]);
  });

  it.each([
    ['does not exist', './handlers/missing.ts', /Cannot find module/],
    ['throws while it is loaded', './handlers/throws.ts', /not today/],
    ['exports no handle', './handlers/nothing.ts', /exports a function handle/],
    ['ends its process', './handlers/exits.ts', /exit code 4/],
  ])('whose module %s is never ready, and says why', async (_, module, why) => {
    await expect(startOne(512, module).ready).rejects.toMatchObject({ code: 'SANDBOX_NOT_STARTED', message: expect.stringMatching(why) as unknown });
  });

  it('does not take what a library in it says to a parent for its own words', async () => {
    const sandbox = startOne();
    expect(await run(sandbox, 'talk to its parent')).toEqual({ type: 'answered', outcome: { type: 'done' } });
    expect(await run(sandbox, 'succeed')).toMatchObject({ type: 'answered' });
    expect(strays).toEqual([]);
  });

  it('that has died ends what it is given at once', async () => {
    const sandbox = startOne();
    await sandbox.ready;
    sandbox.kill();
    await sandbox.gone;
    expect(await run(sandbox, 'succeed')).toMatchObject({ type: 'died' });
  });

  it('ends with the process that started it, even when that was killed and the handler never returns', async () => {
    const { fork } = await import('node:child_process');
    const parent = fork(new URL('./handlers/parent.main.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    onTestFinished(() => { parent.kill('SIGKILL'); });
    const pid = await new Promise<number>((resolve) => { parent.once('message', (message) => { resolve(message as number); }); });
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
