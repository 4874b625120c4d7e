import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createDatabase } from '../../test/postgres/createDatabase.ts';
import { startPostgres } from '../../test/postgres/startPostgres.ts';
import { Missing } from '../frame/missing.ts';
import type { Server } from './server.ts';

export interface PostgresServer extends Server {
  readonly url: string;
}

/** A server that waits for its disk, with the settings that it comes with (and room for the write-ahead log); a database of its own on that of `DATABASE_URL` where it is set. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL'] ?? '';
  const settings = { shared_buffers: '128MB', max_connections: '100', max_wal_size: '2GB' };
  const started = given === '' ? await startPostgres({ durable: true, settings }).catch((error: unknown) => {
    throw new Missing(`PostgreSQL cannot be started (${reasonOf(error)}): apt-get install postgresql`);
  }) : null;
  const made = started === null ? await createDatabase(given).catch((error: unknown) => {
    throw new Missing(`the PostgreSQL of DATABASE_URL cannot be used (${reasonOf(error)}): correct DATABASE_URL, or unset it and apt-get install postgresql`);
  }) : null;
  const url = started?.url ?? made?.url ?? '';
  const database = openPostgres({ url, maxConnections: 1 });
  const { rows } = await database.query<{ server_version: string; synchronous_commit: string; fsync: string }>('select current_setting(\'server_version\') as server_version, current_setting(\'synchronous_commit\') as synchronous_commit, current_setting(\'fsync\') as fsync');
  await database.close();
  const { server_version: version, synchronous_commit: synchronous, fsync } = rows[0] ?? {};
  return {
    url, pid: started?.process.pid ?? null,
    version: `PostgreSQL ${version?.split(' ')[0] ?? '?'}, synchronous_commit ${synchronous}, fsync ${fsync}${started === null ? '' : `, ${Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(', ')}`}`,
    async stop() {
      await started?.stop();
      await made?.drop();
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error);
}
