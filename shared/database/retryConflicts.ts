import { isMillraceError } from '../errors/MillraceError.ts';

/**
 * Runs work again, at once, that another transaction was in the way of: deadlocks and the like pass.
 * @param tries at most so many in all @throws what the work throws; DATABASE_CONFLICT only when it was the last try
 */
export async function retryConflicts<T>(tries: number, work: () => Promise<T>): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isMillraceError(error, 'DATABASE_CONFLICT') || made >= tries) throw error;
    }
  }
}
