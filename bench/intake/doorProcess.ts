import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** A measured server in a process of its own. */
export interface DoorProcess {
  readonly address: string;
  /** Processor time that it has used, s. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts it and waits for the line that names its address. */
export async function startDoor(args: readonly string[], env: Readonly<Record<string, string>>): Promise<DoorProcess> {
  const child = spawn(process.execPath, ['--no-warnings', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /"address":"(http[^"]+)"/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    ended.then(() => { reject(new Error(`${args.join(' ')} ended before it listened`)); }, reject);
  });
  return {
    address,
    async cpuSeconds() {
      const stat = await readFile(`/proc/${child.pid ?? 0}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => { child.kill('SIGKILL'); }, 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}
