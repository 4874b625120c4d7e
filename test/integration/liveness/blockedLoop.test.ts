import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createValueKit } from '../badInput/sink.ts';
import { createStage, type Appended } from '../badInput/stage.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

test('while a handler keeps the event loop, /livez does not answer; then it says that all is well, and does not hold the time against the worker', async () => {
  const stage = await createStage('block');
  const kit = await createValueKit(stage.registry);
  const child = spawn(process.execPath, [pathOf('../../../services/worker/main.ts'), 'jobs.ts'], {
    cwd: pathOf('.'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BLOCK_QUEUE: stage.queue, KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s' },
  });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const ended = new Promise<number | null>((resolve) => { child.on('exit', resolve); });
  const port = new Promise<number>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const said = JSON.parse(line) as { port?: number; msg: string };
      if (said.port !== undefined) resolve(said.port);
    });
  });
  const url = `http://127.0.0.1:${await port}/livez`;
  const probe = async (timeoutMs: number): Promise<number | 'no answer'> => {
    try {
      return (await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })).status;
    } catch {
      return 'no answer';
    }
  };
  const [good] = await stage.append([{ key: 'e', value: kit.job(1, 'good') }]) as [Appended];
  await stage.committedPast(good);
  expect(await probe(30_000)).toBe(200);
  const [blocking] = await stage.append([{ key: 'e', value: kit.job(2, 'block') }]) as [Appended];
  let unanswered = 0;
  for (const patienceMs = performance.now() + 20_000; unanswered < 2 && performance.now() < patienceMs;) if ((await probe(1000)) === 'no answer') unanswered++;
  expect(unanswered, 'probes without an answer').toBe(2);
  expect(await probe(30_000)).toBe(200);
  await stage.committedPast(blocking);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  await stage.close();
});
