import { MillraceError } from '../errors/MillraceError.ts';
import type { Session } from './port.ts';

/**
 * Runs the work of a transaction. Where a statement failed and the work resolves all the same, the server would roll back at the commit and
 * call that a success: so it is asked before.
 */
export async function runWhole<T>(tx: Session, work: (tx: Session) => Promise<T>): Promise<T> {
  let failed = false;
  const noting = async <R>(run: Promise<R>): Promise<R> => {
    try {
      return await run;
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const result = await work({
    query: (sql, params) => noting(tx.query(sql, params)),
    script: (sql) => noting(tx.script(sql)),
  });
  if (failed) {
    try {
      await tx.script('select 1');
    } catch (cause) {
      throw new MillraceError('DATABASE_REFUSED', { at: 'commit', expected: 'a transaction in which every statement succeeded, or was rolled back to a savepoint', got: cause, cause });
    }
  }
  return result;
}
