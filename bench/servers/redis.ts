import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findTool } from '../../shared/embedded/findTool.ts';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import { startGuarded, tailOf } from '../../shared/embedded/guardedProcess.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { Missing } from '../frame/missing.ts';
import type { Server } from './server.ts';

export interface RedisServer extends Server {
  readonly port: number;
}

const START_MS = 20_000;

/** Redis on a free port with the settings that it comes with: snapshots after 3600 s 1 change, 300 s 100, 60 s 10,000; `appendOnly`: its log, written each second, besides. */
export async function startRedisServer({ folder, appendOnly }: { readonly folder: string; readonly appendOnly: boolean }): Promise<RedisServer> {
  const program = await findTool(process.env, 'redis-server');
  if (program === undefined) throw new Missing('redis-server is not installed: apt-get install redis-server');
  const { stdout } = await promisify(execFile)(program, ['--version']);
  const version = `Redis ${/v=([\d.]+)/.exec(stdout)?.[1] ?? '?'}${appendOnly ? ', appendonly yes, appendfsync everysec' : ', save 3600 1 300 100 60 10000'}`;
  const home = join(folder, appendOnly ? 'redis-aof' : 'redis');
  await mkdir(home, { recursive: true });
  const [port = 0] = await freePorts([0]);
  const logFile = join(home, 'redis.log');
  const server = await startGuarded(process, systemClock, {
    program, cwd: home, logFile,
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', home, '--save', '3600 1 300 100 60 10000', '--maxmemory-policy', 'noeviction', ...(appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : [])],
  });
  for (const endMs = Date.now() + START_MS; !await answers(port);) {
    if (server.hasEnded() || Date.now() > endMs) throw new Error(`redis-server did not start:\n${await tailOf(logFile)}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return { pid: server.pid, port, version, stop: async () => { await server.stop(5000); } };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => { socket.write('PING\r\n'); });
    socket.once('data', (data) => { socket.destroy(); resolve(data.toString().startsWith('+PONG')); });
    socket.once('error', () => { resolve(false); });
    socket.setTimeout(1000, () => { socket.destroy(); resolve(false); });
  });
}
