import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** An outbox relay in a process of its own. */
export interface RelayProcess {
  /** It holds shards. */
  readonly relaying: Promise<void>;
  /** Where /metrics, /livez and /readyz are. */
  readonly url: Promise<string>;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

export function startRelayProcess(env: Readonly<Record<string, string>>): RelayProcess {
  const root = join(import.meta.dirname, '..', '..', '..');
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', join(root, 'services', 'outbox-relay', 'main.ts')], {
    env: { ...process.env, MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s', ...env }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const relaying = Promise.withResolvers<void>();
  const url = Promise.withResolvers<string>();
  const ended = new Promise<number | null>((resolve) => { child.once('exit', (code) => { resolve(code); }); });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { msg, port } = JSON.parse(line) as { readonly msg: string; readonly port?: number };
    if (port !== undefined) url.resolve(`http://127.0.0.1:${port}`);
    if (msg === 'relaying') relaying.resolve();
  });
  return {
    relaying: relaying.promise,
    url: url.promise,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
