import type { PGlite, Transaction } from '@electric-sql/pglite';
import { MillraceError } from '../../errors/MillraceError.ts';
import type { HostProcess } from '../../embedded/hostProcess.ts';
import { sqlStateOf, toDatabaseError } from '../databaseError.ts';
import { quoteIdentifier, type Database, type Session, type SqlValue } from '../port.ts';
import { runWhole } from '../runWhole.ts';
import { holdFolder } from './holdFolder.ts';

export interface PgliteOptions {
  /** Where the data is; made when missing. Null: in memory, gone with the process. */
  readonly folder: string | null;
  /** Tells whether another process that has the folder open still lives. */
  readonly host: Pick<HostProcess, 'pid' | 'kill'>;
}

/** The OIDs of types whose values the port shows in its own way. */
const INT8 = 20;
const BYTEA = 17;

/**
 * A {@link Database} inside this process: PostgreSQL compiled to WebAssembly. It has one connection: transactions run one after the other.
 * Takes about a second and 100 MB. @throws MillraceError DATABASE_IN_USE; DATABASE_UNAVAILABLE when it does not start
 */
export async function openPglite({ folder, host }: PgliteOptions): Promise<Database> {
  const release = folder === null ? () => Promise.resolve() : await holdFolder(folder, host);
  let lite: PGlite;
  try {
    // Loaded on demand: who has a server does not pay for it.
    const { PGlite } = await import('@electric-sql/pglite');
    lite = await PGlite.create({
      ...(folder === null ? {} : { dataDir: folder }),
      parsers: { [INT8]: Number, [BYTEA]: (text: string) => Buffer.from(text.slice(2), 'hex') },
    });
  } catch (cause) {
    await release();
    throw new MillraceError('DATABASE_UNAVAILABLE', { at: folder ?? 'embedded, in memory', got: cause, cause });
  }
  let closing: Promise<void> | null = null;
  const open = (): PGlite => {
    if (closing !== null) throw new MillraceError('NOT_RUNNING', { at: 'embedded database', got: 'closed' });
    return lite;
  };
  return {
    query: (sql, params) => over(open).query(sql, params),
    script: (sql) => over(open).script(sql),
    transaction: async <T>(work: (tx: Session) => Promise<T>): Promise<T> => {
      const own: { error: unknown } = { error: null };
      try {
        return await open().transaction(async (tx): Promise<T> => {
          try {
            return await runWhole(over(() => tx), work);
          } catch (error) {
            own.error = error;
            throw error;
          }
        });
      } catch (error) {
        throw own.error ?? toRefusal(error);
      }
    },
    async listen(channel, heard) {
      // PGlite's own listen takes a quoted name apart wrongly; what it tells of all channels is right.
      const unhear = open().onNotification((name, payload) => { if (name === channel) heard(payload); });
      await over(open).script(`listen ${quoteIdentifier(channel)}`);
      return () => { unhear(); return Promise.resolve(); };
    },
    close() {
      closing ??= lite.close().finally(release);
      return closing;
    },
  };
}

function over(target: () => PGlite | Transaction): Session {
  const guard = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      throw toRefusal(error);
    }
  };
  return {
    query: <R>(sql: string, params: readonly SqlValue[] = []) => guard(async () => {
      const { rows, affectedRows } = await target().query<R>(sql, [...params]);
      return { rows, affected: affectedRows === undefined || affectedRows === 0 ? rows.length : affectedRows };
    }),
    script: (sql) => guard(async () => { await target().exec(sql); }),
  };
}

/** There is no connection that could break: what bears no SQLSTATE is a defect of the statement's caller. */
function toRefusal(error: unknown): unknown {
  return sqlStateOf(error) === null && error instanceof Error && !(error instanceof MillraceError)
    ? new MillraceError('DATABASE_REFUSED', { got: error, cause: error })
    : toDatabaseError(error);
}
