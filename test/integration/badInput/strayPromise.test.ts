import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createValueKit } from './sink.ts';
import { createStage, until, type Appended } from './stage.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

test('a worker process outlives promises that its handlers left behind, says so, and still stops cleanly', async () => {
  const stage = await createStage('stray');
  const kit = await createValueKit(stage.registry);
  const child = spawn(process.execPath, [pathOf('../../../services/worker/main.ts'), 'jobs.ts'], {
    cwd: pathOf('strayPromise'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, STRAY_QUEUE: stage.queue, KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s' },
  });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const ended = new Promise<number | null>((resolve) => { child.on('exit', resolve); });
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { log += text; });
  for (let n = 0; n < 5; n++) {
    const [at] = await stage.append([{ key: 'e', value: kit.job(n) }]) as [Appended];
    await stage.committedPast(at);
  }
  const said = (): Record<string, unknown>[] => log.split('\n').filter((line) => line.includes('nobody waits for me')).map((line) => JSON.parse(line) as Record<string, unknown>);
  await until(() => said().length === 5, 'the log');
  expect(said()[0]).toMatchObject({ level: 'error', err: { message: 'nobody waits for me' } });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  await stage.close();
});
