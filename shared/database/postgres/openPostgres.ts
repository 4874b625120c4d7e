import pg from 'pg';
import { systemClock, type Clock } from '../../runtime/clock.ts';
import { toDatabaseError } from '../databaseError.ts';
import type { Database, Session } from '../port.ts';
import { clientSession } from './clientSession.ts';
import { listenOn } from './listenOn.ts';
import { plainTypes } from './plainTypes.ts';
import { runWhole } from '../runWhole.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** Shown in the server's list of connections. Default `millrace`. */
  readonly applicationName?: string;
  /** Default 10. */
  readonly maxConnections?: number;
  /** How long a statement waits for a connection. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** The server cuts off a statement after so long; a server that does not even do that is given up a second later. Default 30,000. */
  readonly statementTimeoutMs?: number;
  readonly clock?: Clock;
}

/** A {@link Database} on a server, by a pool of connections. Opening does no I/O; a connection that broke is replaced when next needed. */
export function openPostgres(options: PostgresOptions): Database {
  const { url, applicationName = 'millrace', maxConnections = 10, connectTimeoutMs = 5000, statementTimeoutMs = 30_000, clock = systemClock } = options;
  const connection: pg.ClientConfig = {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types: plainTypes,
  };
  const pool = new pg.Pool({
    ...connection,
    max: maxConnections,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 1000,
    // A transaction whose process froze holds its locks no longer than this.
    idle_in_transaction_session_timeout: statementTimeoutMs,
  });
  // The pool drops an idle connection that breaks; whoever asks next gets a new one.
  pool.on('error', () => undefined);
  // Between the pool's hands and ours nobody listens; a server that ends a connection in that moment would end the process.
  pool.on('connect', (client) => { client.on('error', () => undefined); });
  const stops = new Set<() => Promise<void>>();
  let closing: Promise<void> | null = null;

  const withClient = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw toDatabaseError(error);
    }
    // A connection that breaks while nobody awaits it would otherwise end the process.
    let broken = false;
    const onError = (): void => { broken = true; };
    client.on('error', onError);
    const session = clientSession(client, () => { broken = true; });
    try {
      return await work(session);
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  };

  return {
    query: (sql, params) => withClient((session) => session.query(sql, params)),
    script: (sql) => withClient((session) => session.script(sql)),
    transaction: (work) => withClient(async (session) => {
      await session.script('begin');
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await runWhole(session, work);
      } catch (error) {
        // What cannot be rolled back is over: the session then marked its connection as broken.
        await session.script('rollback').catch(() => undefined);
        throw error;
      }
      await session.script('commit');
      return result;
    }),
    async listen(channel, heard, gap = () => undefined) {
      const stop = await listenOn({ connect: () => new pg.Client(connection), channel, heard, gap, clock });
      const once = async (): Promise<void> => { if (stops.delete(once)) await stop(); };
      stops.add(once);
      return once;
    },
    close() {
      closing ??= Promise.all([...stops].map((stop) => stop())).then(() => pool.end());
      return closing;
    },
  };
}
