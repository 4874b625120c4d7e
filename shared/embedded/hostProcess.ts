/** What the embedded services need of the process that starts them. `process` itself fits; only a main.ts hands it over. */
export interface HostProcess {
  /** Where `PATH`, `JAVA_HOME` and the rest are read; children inherit it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** As `process.kill`: signal 0 only asks whether the process is there, and throws where it is not. */
  kill(pid: number, signal: NodeJS.Signals | 0): unknown;
}

/** Whether a process with that id runs now. A process of another user counts as running. */
export function isAlive(host: Pick<HostProcess, 'kill'>, pid: number): boolean {
  try {
    host.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Takes one line for a person about what is being waited for. */
export type Report = (line: string) => void;
