import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Said, WorkerParameters } from './workerParameters.ts';

const MAIN = join(import.meta.dirname, 'worker.main.ts');

/** A worker in a process of its own, and what it says. */
export class WorkerProcess {
  readonly workerId: string;
  readonly said: Said[] = [];
  /** Epoch ms of the first of each type. */
  readonly #saidAtMs = new Map<Said['type'], number>();
  /** What it wrote to its error output; empty in a healthy run. */
  errors = '';
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  #alive = true;

  private constructor(workerId: string, child: ChildProcess, hear: (said: Said) => void) {
    this.workerId = workerId;
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#alive = false;
        resolve({ code, signal });
      });
    });
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Said;
      this.said.push(said);
      if (!this.#saidAtMs.has(said.type)) this.#saidAtMs.set(said.type, Date.now());
      hear(said);
    });
    child.stdin?.on('error', () => undefined); // it may be gone when it is told something
    child.stderr?.on('data', (chunk: Buffer) => { this.errors += chunk.toString(); });
  }

  /** @param main the program, where it is not the scenarios' own; @param hear called with each line that it says */
  static spawn(parameters: WorkerParameters, main = MAIN, hear: (said: Said) => void = () => undefined): WorkerProcess {
    // Its standard input stays open as long as this process lives: that is how it notices that nobody looks any more.
    const child = spawn(process.execPath, ['--conditions=source', main, JSON.stringify(parameters)], { stdio: ['pipe', 'pipe', 'pipe'] });
    return new WorkerProcess(parameters.workerId, child, hear);
  }

  get alive(): boolean {
    return this.#alive;
  }

  signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** One line on its standard input, for programs that listen there. */
  tell(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** When it first said so. */
  saidAtMs(type: Said['type']): number | null {
    return this.#saidAtMs.get(type) ?? null;
  }

  has(type: Said['type']): boolean {
    return this.said.some((one) => one.type === type);
  }

  all<T extends Said['type']>(type: T): Extract<Said, { type: T }>[] {
    return this.said.filter((one): one is Extract<Said, { type: T }> => one.type === type);
  }
}
