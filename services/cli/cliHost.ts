import type { HostProcess } from '../../shared/embedded/hostProcess.ts';

/** Where the command line writes to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What the command line needs of the process that it runs in; only main.ts hands it over. */
export interface CliHost extends HostProcess {
  readonly cwd: string;
  /** As `process.version` says it. */
  readonly nodeVersion: string;
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Ctrl-C: the listener is told of the first; the second ends the process. Returns how to stop listening. */
  onInterrupt(listener: () => void): () => void;
}
