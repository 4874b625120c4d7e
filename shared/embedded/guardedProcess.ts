import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { HostProcess } from './hostProcess.ts';

/** How a process ended: its exit code, or the signal that ended it. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process that never outlives its parent. */
export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when it has ended, however it ended; never rejects. */
  readonly ended: Promise<Ended>;
  hasEnded(): boolean;
  /** Sends a signal (SIGSTOP and SIGCONT too); no effect once it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `withinMs`; resolves when it has ended. A stopped (SIGSTOP) process is continued first. */
  stop(withinMs: number): Promise<Ended>;
}

/**
 * Starts the guard and then becomes the program, so the pid is the program's own. The guard reads a pipe whose other
 * end only the parent holds: "over" means that the program has ended and its pid may belong to somebody else by now;
 * end of file means that the parent is gone, by SIGKILL or any other way, so it ends the program (5 s to stop cleanly).
 * A shell needs 1 MB and is on every machine that runs a broker; a second Node as guard would need 40.
 */
const GUARD = `
( while read -r word; do [ "$word" = over ] && exit 0; done
  kill -TERM $$ 2>/dev/null; kill -CONT $$ 2>/dev/null
  n=0; while [ $n -lt 50 ] && kill -0 $$ 2>/dev/null; do n=$((n+1)); sleep 0.1; done
  [ $n -lt 50 ] || kill -KILL $$ ) <&3 >/dev/null 2>&1 &
exec "$@" 3<&-`;

/**
 * Runs a program in a session of its own (Ctrl-C in the terminal does not reach it, so the parent can stop things in
 * order), with stdout and stderr appended to `logFile`, and ends it when the parent ends.
 */
export async function startGuarded(host: HostProcess, clock: Clock, options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<GuardedProcess> {
  const log = await open(options.logFile, 'a');
  try {
    const child = spawn('/bin/sh', ['-c', GUARD, 'millrace-guard', options.program, ...options.args], {
      cwd: options.cwd,
      env: { ...host.env, ...options.env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
    });
    const guard = child.stdio[3] as Socket;
    // The guard may be gone before the last word is written.
    guard.on('error', () => {});
    let over: Ended | undefined;
    const ended = new Promise<Ended>((resolve) => {
      child.once('exit', (code, signal) => {
        guard.end('over\n');
        resolve(over = { code, signal });
      });
    });
    await new Promise<void>((resolve, reject) => { child.once('error', reject).once('spawn', resolve); });
    return {
      pid: child.pid as number,
      ended,
      hasEnded: () => over !== undefined,
      signal(signal) { if (over === undefined) child.kill(signal); },
      async stop(withinMs) {
        if (over !== undefined) return over;
        child.kill('SIGTERM');
        child.kill('SIGCONT');
        const cancel = clock.after(withinMs, () => { if (over === undefined) child.kill('SIGKILL'); });
        return ended.finally(cancel);
      },
    };
  } finally {
    await log.close();
  }
}

/** The last lines of a log, for an error message. */
export async function tailOf(logFile: string, lines = 15): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
