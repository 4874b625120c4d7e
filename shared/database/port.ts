/**
 * The database port: all that millrace asks of SQL. Two drivers implement it (`postgres/` over a server, `pglite/` embedded in the process),
 * and both pass `test/database/conformance.ts`. The dialect is PostgreSQL 15's.
 *
 * Results are plain: `bigint` columns (and `count(*)`) are numbers, exact up to 2^53; `bytea` is a Buffer; `json`/`jsonb` is parsed;
 * `timestamptz` is a Date; `numeric` (and `sum` over bigint) is text: cast it. Parameters are null, booleans, numbers, text, Buffers, and
 * arrays of one of these; JSON is passed as text and cast (`$1::jsonb`).
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array | readonly SqlValue[];

export interface QueryResult<R> {
  readonly rows: R[];
  /** Rows inserted, updated, deleted, or returned. */
  readonly affected: number;
}

/** What runs statements: a database (each by itself) or one transaction of it. */
export interface Session {
  /**
   * Runs one statement. @throws MillraceError DATABASE_UNAVAILABLE (its fate is unknown if it writes), DATABASE_CONFLICT (deadlock,
   * serialization, lock timeout: run the transaction again), DATABASE_CONSTRAINT, DATABASE_REFUSED. `sqlStateOf` tells more.
   */
  query<R = Record<string, unknown>>(sql: string, params?: readonly SqlValue[]): Promise<QueryResult<R>>;
  /** Runs several statements, separated by semicolons, without parameters. */
  script(sql: string): Promise<void>;
}

export interface Database extends Session {
  /**
   * Runs `work` in one transaction (read committed), and commits when its promise resolves; when it rejects, all is rolled back and the
   * rejection passed on as it is. Inside `work` use `tx` alone: an embedded database has one connection, so that a statement beside the
   * transaction would wait for its end. @throws MillraceError as {@link Session.query}; after DATABASE_UNAVAILABLE the commit may stand
   */
  transaction<T>(work: (tx: Session) => Promise<T>): Promise<T>;
  /**
   * Calls `heard` with each payload notified on `channel` from now on. Where the connection was lost and found again, `gap` is called:
   * notifications may have been missed. @returns how to stop
   */
  listen(channel: string, heard: (payload: string) => void, gap?: () => void): Promise<() => Promise<void>>;
  /** Waits for what runs, then disconnects. Idempotent. */
  close(): Promise<void>;
}

/** A quoted SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
