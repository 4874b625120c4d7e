import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { WorkerParameters } from '../guarantees/process/workerParameters.ts';
import type { Arming, Death } from './arming.ts';

const PRELOAD = join(import.meta.dirname, 'arm.preload.ts');

export interface Program {
  /** Relative to the repository's root. */
  readonly main: string;
  readonly arguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A process of instrumented code, which may be armed to die at a point. */
export class ArmedProcess {
  readonly name: string;
  readonly arming: Arming;
  /** Lines of its output so far. */
  readonly lines: string[] = [];
  errors = '';
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #end: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null;

  constructor(parameters: Pick<WorkerParameters, 'workerId'>, arming: Arming, program: Program) {
    this.name = parameters.workerId;
    this.arming = arming;
    const root = join(import.meta.dirname, '..', '..');
    this.#child = spawn(process.execPath, ['--no-warnings', '--conditions=source', '--import', PRELOAD, join(root, program.main), ...(program.arguments ?? [])], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // What one process has compiled the next need not: that is half of a start.
      env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(arming.codeFile), 'compiled'), ...program.env, FAILPOINTS: JSON.stringify(arming), FAILPOINT_VICTIM: JSON.stringify(parameters) },
    });
    if (this.#child.stdout !== null) createInterface(this.#child.stdout).on('line', (line) => { this.lines.push(line); });
    this.#child.stderr?.on('data', (chunk: Buffer) => { this.errors += chunk.toString(); });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#end = { code, signal };
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#end === null;
  }

  /** It is a member of the group, or whatever its program calls so. */
  get ready(): boolean {
    return this.lines.some((line) => line === 'ready' || line.includes('running: '));
  }

  /** Where its API listens; null: it does not yet. */
  get address(): string | null {
    return this.lines.map((line) => /"address":"(http:[^"]+)"/.exec(line)?.[1]).find((found) => found !== undefined) ?? null;
  }

  /** Its point killed it, or a process that it had started; null: neither. */
  get death(): Death | null {
    if (!existsSync(this.arming.deathFile)) return null;
    return JSON.parse(readFileSync(this.arming.deathFile, 'utf8')) as Death;
  }

  /** It is the one that its point killed. */
  get diedItself(): boolean {
    return this.death?.pid === this.#child.pid;
  }

  /** How often it lost its partitions without being asked. */
  get losses(): number {
    return this.lines.filter((line) => line.startsWith('lost')).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What was wrong with its end; null: it ended by its point, or cleanly, or could not start because what it had started died. */
  get wrong(): string | null {
    if (this.#end === null || this.diedItself || this.#end.code === 0 || (this.death !== null && !this.ready)) return null;
    return `${this.name} ended with ${this.#end.code ?? this.#end.signal}: ${this.errors.slice(-600)} ${this.lines.slice(-5).join(' ')}`;
  }
}
