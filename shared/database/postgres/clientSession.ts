import { isMillraceError } from '../../errors/MillraceError.ts';
import { sqlStateOf, toDatabaseError } from '../databaseError.ts';
import type { Session, SqlValue } from '../port.ts';

/** What the port needs of a connection. A client of `pg` fits, also one that the caller opened, and keeps, by itself. */
export interface SqlClient {
  query(sql: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null } | { rows: unknown[]; rowCount: number | null }[]>;
}

/** The port over one connection, for statements within the caller's own transaction. `broken` is called when the connection can be used no more. */
export function clientSession(client: SqlClient, broken: () => void = () => undefined): Session {
  const run = async (sql: string, values?: unknown[]) => {
    try {
      const result = await client.query(sql, values);
      return Array.isArray(result) ? result.at(-1) : result;
    } catch (error) {
      const told = toDatabaseError(error);
      // A statement that nobody answered may still run: its connection must not serve another.
      if (isMillraceError(told, 'DATABASE_UNAVAILABLE') && sqlStateOf(error) !== '57014') broken();
      throw told;
    }
  };
  return {
    async query<R>(sql: string, params: readonly SqlValue[] = []) {
      const result = await run(sql, params.map(toDriver));
      return { rows: (result?.rows ?? []) as R[], affected: result?.rowCount ?? 0 };
    },
    async script(sql) {
      await run(sql);
    },
  };
}

function toDriver(value: SqlValue): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value);
  return value;
}
