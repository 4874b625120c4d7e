import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** An intake in a process of its own, which can be killed and started anew at the same address. */
export interface IntakeProcess {
  readonly url: string;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export async function startIntake(env: Readonly<Record<string, string>>): Promise<IntakeProcess> {
  let child: ChildProcess | null = null;
  let port = '0';
  const start = (): Promise<void> => new Promise((resolve, reject) => {
    const root = join(import.meta.dirname, '..', '..', '..');
    const made = spawn(process.execPath, ['--no-warnings', '--conditions=source', join(root, 'services', 'intake', 'main.ts'), join(import.meta.dirname, 'intakeJobs.ts')], {
      env: { ...process.env, MILLRACE_HTTP_PORT: '0', MILLRACE_START_JITTER: '0s', ...env, MILLRACE_INTAKE_PORT: port }, stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = made;
    made.once('exit', (code, signal) => { reject(new Error(`the intake ended with ${signal ?? String(code)}`)); });
    createInterface({ input: made.stdout }).on('line', (line) => {
      const found = /"address":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(line)?.[1];
      if (found === undefined) return;
      port = found;
      resolve();
    });
  });
  await start();
  return {
    get url() { return `http://127.0.0.1:${port}`; },
    start,
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => { child?.once('exit', () => { resolve(); }); });
      child.kill('SIGKILL');
      await gone;
    },
  };
}
