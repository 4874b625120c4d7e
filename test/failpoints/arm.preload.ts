/** `node --import` of every process of the sweep: serves instrumented code, and makes the trouble that the process is to live with. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import net from 'node:net';
import type { Arming, Death, Visited } from './arming.ts';
import { Failpoints } from './failpoint.ts';

declare global {
  var __failpoint: Failpoints;
}

const arming = JSON.parse(process.env['FAILPOINTS'] ?? '{}') as Arming;
delete process.env['FAILPOINTS'];

const failpoints = new Failpoints({
  armed: arming.armed,
  recording: arming.visitFile !== null,
  die() {
    appendFileSync(arming.deathFile, `${JSON.stringify({ pid: process.pid, atMs: Date.now(), durableBeforeMs: failpoints.durableBeforeMs } satisfies Death)}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
});
globalThis.__failpoint = failpoints;
process.on('SIGTERM', () => { failpoints.phase = 'stop'; });
process.on('SIGUSR2', () => { failpoints.phase = 'thawed'; });
process.on('exit', () => { if (arming.visitFile !== null) writeFileSync(arming.visitFile, JSON.stringify({ visits: [...failpoints.visits], files: [...loaded] } satisfies Visited)); });

const code = JSON.parse(readFileSync(arming.codeFile, 'utf8')) as Record<string, string>;
const loaded = new Set<string>();
registerHooks({
  load(url, context, nextLoad) {
    const source = code[url];
    loaded.add(url);
    return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true };
  },
});

if (arming.shakyNetwork) {
  const connect = net.connect.bind(net) as (...given: unknown[]) => net.Socket;
  net.connect = ((...given: unknown[]) => {
    const socket = connect(...given);
    const livesMs = Math.random() < 0.15 ? 0 : 100 + 900 * Math.random();
    setTimeout(() => { socket.destroy(new Error('the connection broke')); }, livesMs).unref();
    return socket;
  });
}

if (arming.shakyRegistry) {
  const { fetch } = globalThis;
  globalThis.fetch = (...given) => {
    const chance = Math.random();
    if (chance < 0.12) return Promise.reject(new TypeError('fetch failed'));
    return chance < 0.25 ? Promise.resolve(new Response('{"message":"not now"}', { status: 503 })) : fetch(...given);
  };
}
