import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { runCli } from '../../../services/cli/runCli.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'services', 'cli', 'main.ts');

export interface CliEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function startCli(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string): { readonly child: ChildProcess; readonly ended: Promise<CliEnd> } {
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', MAIN, ...args], { cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { out.stderr += text; });
  return { child, ended: new Promise((resolve) => { child.once('close', (code) => { resolve({ code, ...out }); }); }) };
}

/** The same in this process: much quicker, where a process of its own would show nothing more. */
export async function callCli(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string): Promise<CliEnd> {
  const out = { stdout: '', stderr: '' };
  const code = await runCli({
    env, cwd, pid: process.pid, nodeVersion: process.version, kill: (pid, signal) => process.kill(pid, signal), stdin: (async function* none() { /* nothing */ })(),
    stdout: { write: (text) => { out.stdout += text; } }, stderr: { write: (text) => { out.stderr += text; } }, onInterrupt: () => () => undefined,
  }, args, '0.0.0');
  return { code, ...out };
}
