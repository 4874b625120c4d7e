import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createValueKit } from './sink.ts';
import { createStage, type Appended } from './stage.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

test('#77 a handler that calls process.exit fails its own attempt; its worker process goes on, and stops cleanly', async () => {
  const stage = await createStage('exit');
  const kit = await createValueKit(stage.registry);
  const child = spawn(process.execPath, [pathOf('../../../services/worker/main.ts'), 'jobs.ts'], {
    cwd: pathOf('processExit'),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, EXIT_QUEUE: stage.queue, KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s' },
  });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const ended = new Promise<number | null>((resolve) => { child.on('exit', resolve); });
  for (const note of ['process.exit', 'exit', 'later']) {
    const [at, good] = await stage.append([{ key: 'e', value: kit.job(1, note) }, { key: 'e', value: kit.job(2, 'good') }]) as [Appended, Appended];
    expect((await stage.letterOf(at)).read.burial).toMatchObject({ reason: 'attempts', attempt: 2, failure: { code: 'EXIT_REFUSED' } });
    await stage.committedPast(good);
  }
  expect(child.exitCode).toBeNull();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  await stage.close();
});
