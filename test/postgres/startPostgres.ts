import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findTool } from '../../shared/embedded/findTool.ts';
import { freePorts } from '../../shared/embedded/freePorts.ts';
import { startGuarded, tailOf, type GuardedProcess } from '../../shared/embedded/guardedProcess.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { systemClock } from '../../shared/runtime/clock.ts';

const run = promisify(execFile);
const NOBODY = 65_534;
const START_MS = 60_000;

/** A real PostgreSQL server of this test run. */
export interface RealPostgres {
  /** Of its database `postgres`. */
  readonly url: string;
  readonly process: GuardedProcess;
  stop(): Promise<void>;
}

export interface StartPostgresOptions {
  /** False: commits do not wait for the disk, which only a power cut could tell. Figures are measured with true. */
  readonly durable: boolean;
  /** More settings, by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts a server from the machine's binaries (`initdb` and `postgres` on PATH, else the newest under /usr/lib/postgresql) on a free port of
 * 127.0.0.1, in a temporary folder. It ends with this process, however that ends. PostgreSQL refuses to run as root: root starts it as nobody.
 */
export async function startPostgres({ durable, settings = {} }: StartPostgresOptions): Promise<RealPostgres> {
  const bin = await findBinaries();
  const asRoot = process.getuid?.() === 0;
  const base = await mkdtemp(join(tmpdir(), `millrace-test-${process.pid}-`));
  const data = join(base, 'postgres');
  await mkdir(data, { mode: 0o700 });
  if (asRoot) for (const folder of [base, data]) await chown(folder, NOBODY, NOBODY);
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'millrace', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'], {
    cwd: base, env: { ...process.env, HOME: base }, ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await freePorts([0]);
    const started = await startOn(port);
    if (started !== null) return started;
    if (attempt === 3) throw new Error(`PostgreSQL did not start:\n${await tailOf(join(base, 'postgres.log'))}`);
  }

  async function startOn(port: number): Promise<RealPostgres | null> {
    const all = {
      port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '60', shared_buffers: '64MB',
      ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }), ...settings,
    };
    const args = ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const [program, programArgs] = asRoot
      ? ['setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', join(bin, 'postgres'), ...args]] as const
      : [join(bin, 'postgres'), args] as const;
    const server = await startGuarded(process, systemClock, { program, args: programArgs, cwd: base, logFile: join(base, 'postgres.log') });
    const url = `postgres://millrace@127.0.0.1:${port}/postgres`;
    if (!await answers(url, server)) return null;
    return {
      url,
      process: server,
      async stop() {
        // SIGINT: disconnect everybody and stop; SIGTERM would wait for the last client.
        server.signal('SIGINT');
        await server.stop(5000);
        await rm(base, { recursive: true, force: true });
      },
    };
  }
}

async function answers(url: string, server: GuardedProcess): Promise<boolean> {
  const database = openPostgres({ url, maxConnections: 1 });
  try {
    for (const endMs = Date.now() + START_MS; Date.now() < endMs && !server.hasEnded();) {
      const answered = await database.query('select 1').then(() => true, () => false);
      if (answered) return true;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return false;
  } finally {
    await database.close();
  }
}

async function findBinaries(): Promise<string> {
  const onPath = await findTool(process.env, 'initdb');
  if (onPath !== undefined) return join(onPath, '..');
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const newest = versions.map(Number).filter((version) => version >= 13).sort((a, b) => b - a)[0];
  if (newest === undefined) throw new Error('Tests of SQL need a real PostgreSQL: install its server binaries (package postgresql), or set DATABASE_URL');
  return `/usr/lib/postgresql/${newest}/bin`;
}
