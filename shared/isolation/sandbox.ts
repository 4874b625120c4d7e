import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Isolation } from '../jobs/jobDefinition.ts';
import type { Clock } from '../runtime/clock.ts';
import { GUARD_FD, OUT_OF_MEMORY } from './guardChannel.ts';
import type { FromSandbox, HandlerEnd, SandboxLine, SandboxSays, SandboxTask, ToSandbox } from './sandboxMessages.ts';

/** How an attempt in a sandbox ended. `died`: its process did, by itself or by {@link Sandbox.kill}. */
export type SandboxEnd = HandlerEnd | { readonly type: 'died'; readonly error: MillraceError };

/** A process of its own for the attempts of one kind, one at a time. */
export interface Sandbox {
  readonly kind: string;
  /** Resolves when its module is loaded; rejects with SANDBOX_NOT_STARTED where that fails or takes longer than 30 s. */
  readonly ready: Promise<void>;
  /** Resolves when its process has ended. */
  readonly gone: Promise<void>;
  /** What the process took at the end of its last attempt. */
  readonly rssBytes: number;
  /** Runs one attempt; never rejects. @param log called for each line that the handler logs @param progress called for each `ctx.progress` */
  run(task: SandboxTask, log: (line: SandboxLine) => void, progress?: TellProgress): Promise<SandboxEnd>;
  /** Aborts the signal of the attempt that runs. */
  abort(reason: MillraceError): void;
  /** Ends the process now, whatever it does. */
  kill(): void;
}

/** `fraction` is in 0..1. */
type TellProgress = (fraction: number, note: string | null) => void;

export type StartSandbox = (kind: string, isolation: Isolation, strayLine: (line: SandboxLine) => void) => Sandbox;

const START_TIMEOUT_MS = 30_000;
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './inside/main.ts' : './inside/main.js', import.meta.url));

/** Starts sandboxes as child processes. A thread would not do: an allocation of the wrong kind in a thread still aborts the whole process. */
export function createSandboxStarter(clock: Clock): StartSandbox {
  return (kind, isolation, strayLine) => {
    const child = fork(PROGRAM, [JSON.stringify({ handler: isolation.handler, maxMemoryBytes: isolation.maxMemoryBytes })], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'],
    });
    return new ChildSandbox(kind, isolation, child, clock, strayLine);
  };
}

class ChildSandbox implements Sandbox {
  readonly kind: string;
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  rssBytes = 0;
  readonly #child: ChildProcess;
  readonly #isolation: Isolation;
  readonly #strayLine: (line: SandboxLine) => void;
  #number = 0;
  #running: { readonly end: (end: SandboxEnd) => void; readonly log: (line: SandboxLine) => void; readonly progress: TellProgress | undefined } | null = null;
  #outOfMemory = false;
  #death: MillraceError | null = null;

  constructor(kind: string, isolation: Isolation, child: ChildProcess, clock: Clock, strayLine: (line: SandboxLine) => void) {
    this.kind = kind;
    this.#isolation = isolation;
    this.#child = child;
    this.#strayLine = strayLine;
    const ready = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.gone = gone.promise;
    this.ready.catch(() => undefined);
    const notStarted = (why: string): MillraceError => new MillraceError('SANDBOX_NOT_STARTED', { at: `${kind}: ${isolation.handler}`, expected: 'its module to be loaded', fix: why });
    const cancelTimeout = clock.after(START_TIMEOUT_MS, () => {
      ready.reject(notStarted(`It was not within ${START_TIMEOUT_MS} ms`));
      this.kill();
    });
    const guard = child.stdio[GUARD_FD] as Socket | undefined;
    guard?.on('data', (said) => { if (said.toString().includes(OUT_OF_MEMORY)) this.#outOfMemory = true; });
    guard?.on('error', () => undefined);
    child.on('message', (message) => {
      const said = (message as SandboxSays | null)?.millrace;
      if (said === undefined) return; // not of ours
      if (said.type === 'ready') {
        cancelTimeout();
        ready.resolve();
      } else if (said.type === 'unusable') {
        ready.reject(notStarted(`${said.failure.name}: ${said.failure.message}`));
        this.kill();
      } else this.#told(said);
    });
    const over = (how: string): void => {
      if (this.#death !== null) return;
      cancelTimeout();
      this.#death = this.#deathBy(how);
      ready.reject(notStarted(`Its process ended: ${how}`));
      this.#end({ type: 'died', error: this.#death });
      gone.resolve();
    };
    // After its streams are closed: the guard's last word has been read by then.
    child.on('close', (code, signal) => { over(signal === null ? `exit code ${code}` : `signal ${signal}`); });
    child.on('error', (error) => { if (child.pid === undefined) over(error.message); });
  }

  run(task: SandboxTask, log: (line: SandboxLine) => void, progress?: TellProgress): Promise<SandboxEnd> {
    if (this.#death !== null) return Promise.resolve({ type: 'died', error: this.#death });
    return new Promise((resolve) => {
      this.#number++;
      this.#running = { end: resolve, log, progress };
      this.#send({ type: 'run', number: this.#number, task });
    });
  }

  abort({ code, detail }: MillraceError): void {
    this.#send({ type: 'abort', number: this.#number, code, at: detail.at ?? null, expected: detail.expected ?? null });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToSandbox): void {
    // Where it cannot be sent, the process is gone, and its close says so.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #told(said: Extract<FromSandbox, { number: number }>): void {
    const current = said.number === this.#number ? this.#running : null;
    switch (said.type) {
      case 'log':
        (current?.log ?? this.#strayLine)(said);
        return;
      case 'progress':
        current?.progress?.(said.fraction, said.note);
        return;
      case 'ended':
        this.rssBytes = said.rssBytes;
        if (current !== null) this.#end(said.end);
        return;
    }
  }

  #end(end: SandboxEnd): void {
    const running = this.#running;
    this.#running = null;
    running?.end(end);
  }

  #deathBy(how: string): MillraceError {
    if (!this.#outOfMemory) return new MillraceError('SANDBOX_EXITED', { at: this.kind, got: how, fix: 'A handler says how it ended by what it returns or throws' });
    const mib = Math.round(this.#isolation.maxMemoryBytes / 1024 / 1024);
    return new MillraceError('SANDBOX_OUT_OF_MEMORY', { at: this.kind, expected: `at most ${mib} MiB`, fix: 'Give it more by isolated.maxMemoryMiB, or hold less at once' });
  }
}
