import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** A webhooks process as people run it. */
export interface WebhooksProcess {
  /** SIGTERM. @returns its exit code */
  stop(): Promise<number | null>;
}

/** Resolves when it is ready. */
export async function startWebhooksProcess(env: Readonly<Record<string, string>>): Promise<WebhooksProcess> {
  const main = join(import.meta.dirname, '..', '..', '..', 'services', 'webhooks', 'main.ts');
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', main], {
    env: { ...process.env, MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s', ...env }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => { child.once('exit', resolve); });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-20_000);
      if (said.includes('running: ')) resolve();
    });
    void ended.then((code) => { reject(new Error(`the webhooks process ended with ${String(code)}: ${said}`)); });
  });
  return {
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
