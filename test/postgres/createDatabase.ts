import { randomBytes } from 'node:crypto';
import { openPglite } from '../../shared/database/pglite/openPglite.ts';
import type { Database } from '../../shared/database/port.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';

/** A new, empty database on the server at `serverUrl`. @returns its address, and how to drop it */
export async function createDatabase(serverUrl: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = openPostgres({ url: serverUrl, maxConnections: 1 });
  await server.query(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async drop() {
      await server.query(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}

/** Both databases that millrace runs on, for suites that hold on each: `describe.each(databaseKinds)`. */
export const databaseKinds = ['postgres', 'pglite'] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

/** An empty database of one kind. `reopen` gives another handle on the same server; an embedded database has only the one. */
export interface TestDatabase {
  readonly database: Database;
  /** Null: embedded. */
  readonly url: string | null;
  close(): Promise<void>;
}

export async function openTestDatabase(kind: DatabaseKind, serverUrl: string): Promise<TestDatabase> {
  switch (kind) {
    case 'pglite': {
      const database = await openPglite({ folder: null, host: process });
      return { database, url: null, close: () => database.close() };
    }
    case 'postgres': {
      const { url, drop } = await createDatabase(serverUrl);
      const database = openPostgres({ url });
      return { database, url, close: async () => { await database.close(); await drop(); } };
    }
  }
}
