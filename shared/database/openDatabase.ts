import type { HostProcess } from '../embedded/hostProcess.ts';
import { openPglite } from './pglite/openPglite.ts';
import type { Database } from './port.ts';
import { openPostgres } from './postgres/openPostgres.ts';

export interface DatabaseSource {
  /** A server's address; null: embedded. */
  readonly url: string | null;
  /** Folder of the embedded database; null: in memory. */
  readonly folder: string | null;
  readonly host: Pick<HostProcess, 'pid' | 'kill'>;
  readonly applicationName?: string;
  readonly maxConnections?: number;
}

/** The server's database where there is an address, else an embedded one. @throws as `openPglite` */
export async function openDatabase({ url, folder, host, ...options }: DatabaseSource): Promise<Database> {
  return url === null ? openPglite({ folder, host }) : openPostgres({ url, ...options });
}
