/** `node --import` of every process of the sweep: serves instrumented code, and makes the trouble that the process is to live with. */
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import net from 'node:net';
import { threadId } from 'node:worker_threads';
import type { Arming, Death, Visited } from './arming.ts';
import { Failpoints, phases } from './failpoint.ts';

declare global {
  var __failpoint: Failpoints;
}

const arming = JSON.parse(process.env['FAILPOINTS'] ?? '{}') as Arming;
process.env['FAILPOINTS'] = JSON.stringify({ ...arming, inherited: true } satisfies Arming);
const inherited = arming.inherited === true;
const visitFile = arming.visitFile === null || !inherited ? arming.visitFile : `${arming.visitFile}.${process.pid}-${threadId}`;

const failpoints = new Failpoints({
  armed: arming.armed,
  recording: visitFile !== null,
  die() {
    try {
      writeFileSync(arming.deathFile, `${JSON.stringify({ pid: process.pid, atMs: Date.now(), durableBeforeMs: failpoints.durableBeforeMs } satisfies Death)}\n`, { flag: 'wx' });
    } catch {
      // One of its family has died there already.
      return;
    }
    process.kill(process.pid, 'SIGKILL');
  },
  // A sandbox does not end by itself: it is killed.
  ...(inherited ? { firstSeen: writeVisits } : {}),
});
globalThis.__failpoint = failpoints;
process.on('SIGTERM', () => { failpoints.phase = 'stop'; });
process.on('SIGUSR2', () => { failpoints.phase = 'thawed'; });
process.on('exit', writeVisits);
// Who is left behind by a sweep that was cut short shall not go on for ever.
const { ppid } = process;
if (!inherited) setInterval(() => { if (process.ppid !== ppid) process.kill(process.pid, 'SIGKILL'); }, 1000).unref();
// What serves HTTP runs from its first request on; what runs jobs, from its first attempt (see `witnessedJob`).
subscribe('http.server.request.start', () => { if (failpoints.phase === 'start') failpoints.phase = 'run'; });

const code = JSON.parse(readFileSync(arming.codeFile, 'utf8')) as Record<string, string>;
const loaded = new Set<string>();
registerHooks({
  load(url, context, nextLoad) {
    const source = code[url];
    loaded.add(url);
    return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true };
  },
});

function writeVisits(): void {
  if (visitFile === null) return;
  writeFileSync(`${visitFile}.draft`, JSON.stringify({ visits: [...failpoints.visits], files: [...loaded] } satisfies Visited));
  renameSync(`${visitFile}.draft`, visitFile);
}

/** For so long connections break, counted from the process's begin: what no connection outlives goes round in rejoins, and promises an end only once they hold again. */
const SHAKY_FOR_MS = 15_000;
const { darkFrom = null } = arming;
if (arming.shakyNetwork || darkFrom !== null) {
  const { connect } = net.Socket.prototype as { readonly connect: (this: net.Socket, ...given: unknown[]) => net.Socket };
  const open = new Set<net.Socket>();
  const isDark = (): boolean => darkFrom !== null && phases.indexOf(failpoints.phase) >= phases.indexOf(darkFrom);
  const breakOff = (socket: net.Socket): void => { socket.destroy(new Error('the connection broke')); };
  net.Socket.prototype.connect = function (this: net.Socket, ...given: unknown[]) {
    open.add(this);
    this.once('close', () => open.delete(this));
    const livesMs = Math.random() < 0.15 ? 0 : 100 + 900 * Math.random();
    if (arming.shakyNetwork && performance.now() < SHAKY_FOR_MS) setTimeout(() => { breakOff(this); }, livesMs).unref();
    if (isDark()) {
      setTimeout(() => { breakOff(this); }, 1);
      return this;
    }
    return connect.apply(this, given);
  };
  if (darkFrom !== null) setInterval(() => { if (isDark()) for (const socket of open) breakOff(socket); }, 10).unref();
}

if (arming.shakyRegistry) {
  const { fetch } = globalThis;
  globalThis.fetch = (...given) => {
    const chance = Math.random();
    if (chance < 0.12) return Promise.reject(new TypeError('fetch failed'));
    return chance < 0.25 ? Promise.resolve(new Response('{"message":"not now"}', { status: 503 })) : fetch(...given);
  };
}
