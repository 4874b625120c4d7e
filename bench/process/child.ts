import { fork, type Serializable } from 'node:child_process';
import { join } from 'node:path';

/** A process of its own for one contestant. What it says goes to standard error. It ends when this process is gone, however that went: see `inChild.ts`. */
export interface Child<Told extends { readonly type: string }> {
  readonly pid: number;
  send(message: Serializable): void;
  /** The next message of that type, or the last one if there was one already. @throws Error when the child ends first, or says nothing for so long */
  hear<T extends Told['type']>(type: T, timeoutMs?: number): Promise<Extract<Told, { type: T }>>;
  /** Calls back for each message of that type. */
  on<T extends Told['type']>(type: T, listener: (message: Extract<Told, { type: T }>) => void): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  /** Lets it end by itself for a while, then kills it. */
  dismiss(): Promise<void>;
}

const PATIENCE_MS = 900_000;
const DISMISS_MS = 5000;

/** Starts `file` (relative to `bench/`), and hands it the plan. */
export function startChild<Told extends { readonly type: string }>(file: string, plan: Serializable): Child<Told> {
  const child = fork(join(import.meta.dirname, '..', file), [], { execArgv: ['--no-warnings'], serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] });
  const last = new Map<string, Told>();
  const listeners = new Map<string, ((message: Told) => void)[]>();
  let over: string | null = null;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      over = `${file} ended with ${signal ?? String(code)}`;
      resolve();
    });
  });
  child.on('message', (message: Told) => {
    last.set(message.type, message);
    for (const listener of listeners.get(message.type) ?? []) listener(message);
  });
  // A message to a child that has just ended says nothing new.
  child.on('error', () => undefined);
  const on = (type: string, listener: (message: Told) => void): void => { listeners.set(type, [...listeners.get(type) ?? [], listener]); };
  const send = (message: Serializable): void => { if (child.connected) child.send(message); };
  send({ type: 'plan', plan });
  return {
    pid: child.pid ?? 0,
    send,
    on: (type, listener) => { on(type, listener as (message: Told) => void); },
    ended,
    hear<T extends Told['type']>(type: T, timeoutMs = PATIENCE_MS) {
      return new Promise<Extract<Told, { type: T }>>((resolve, reject) => {
        const known = last.get(type);
        if (known !== undefined) return resolve(known as Extract<Told, { type: T }>);
        const timer = setTimeout(() => { reject(new Error(`${file} did not say ${type} within ${timeoutMs / 1000} s`)); }, timeoutMs);
        on(type, (message) => { clearTimeout(timer); resolve(message as Extract<Told, { type: T }>); });
        void ended.then(() => { clearTimeout(timer); reject(new Error(`${over} before it said ${type}`)); });
      });
    },
    kill: (signal = 'SIGKILL') => { child.kill(signal); },
    async dismiss() {
      if (over !== null) return;
      const timer = setTimeout(() => { child.kill('SIGKILL'); }, DISMISS_MS);
      if (child.connected) child.disconnect();
      await ended;
      clearTimeout(timer);
    },
  };
}
