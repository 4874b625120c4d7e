import { readFile } from 'node:fs/promises';
import { startGuarded, tailOf } from '../../shared/embedded/guardedProcess.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { cpuSecondsOf } from '../process/cpu.ts';

/** A measured server in a process of its own, which ends with this one. */
export interface DoorProcess {
  readonly address: string;
  /** Processor time that it has used, s. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

const START_MS = 60_000;

/** Starts it and waits for the line that names its address. */
export async function startDoor(args: readonly string[], options: { readonly env: Readonly<Record<string, string>>; readonly logFile: string; readonly folder: string }): Promise<DoorProcess> {
  const { env, logFile, folder } = options;
  const door = await startGuarded(process, systemClock, { program: process.execPath, args: ['--no-warnings', ...args], cwd: folder, logFile, env });
  for (const endMs = Date.now() + START_MS; ;) {
    const address = /"address":"(http[^"]+)"/.exec(await readFile(logFile, 'utf8'))?.[1];
    if (address !== undefined) {
      return { address, cpuSeconds: async () => await cpuSecondsOf(door.pid) ?? NaN, stop: async () => { await door.stop(10_000); } };
    }
    if (door.hasEnded() || Date.now() > endMs) {
      await door.stop(1000);
      throw new Error(`${args.join(' ')} does not listen:\n${await tailOf(logFile)}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}
