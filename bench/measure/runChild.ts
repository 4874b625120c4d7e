import { spawn } from 'node:child_process';

/** Runs a contestant in a process of its own and returns the JSON line that it prints. Rejects when it fails or takes too long. */
export function runChild<T>(file: string, args: readonly string[], env: Readonly<Record<string, string>>, timeoutMs = 300_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', file, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    const timer = setTimeout(() => { child.kill('SIGKILL'); }, timeoutMs);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => { output += chunk; });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const line = output.trim().split('\n').at(-1) ?? '';
      if (code !== 0) reject(new Error(`${file} ended with ${signal ?? String(code)} after: ${line}`));
      else resolve(JSON.parse(line) as T);
    });
  });
}
