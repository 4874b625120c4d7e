import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { ErrorCode } from '../errors/catalogue.ts';

/** The SQLSTATE (five characters, PostgreSQL's appendix A) behind an error of the port; null where the server did not say one. */
export function sqlStateOf(error: unknown): string | null {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code } = at as Error & { readonly code?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !isMillraceError(at)) return code;
  }
  return null;
}

/** Says in the catalogue's words what a driver threw. A defect of the caller (a TypeError, say) stays what it is. */
export function toDatabaseError(error: unknown): unknown {
  if (isMillraceError(error) || error instanceof TypeError || error instanceof RangeError) return error;
  const state = sqlStateOf(error);
  return new MillraceError(codeOf(state), { got: error, cause: error, ...(state === null ? {} : { at: `SQLSTATE ${state}` }) });
}

function codeOf(state: string | null): ErrorCode {
  // What no server answered is a matter of the connection.
  if (state === null) return 'DATABASE_UNAVAILABLE';
  // Serialization, deadlock, lock not available.
  if (state === '40001' || state === '40P01' || state === '55P03') return 'DATABASE_CONFLICT';
  // A server that became a standby; a transaction that stood idle too long.
  if (state === '25006' || state === '25P03') return 'DATABASE_UNAVAILABLE';
  switch (state.slice(0, 2)) {
    case '23':
      return 'DATABASE_CONSTRAINT';
    case '08': // connection
    case '53': // insufficient resources
    case '57': // operator intervention: shutdown, cancel, statement timeout
    case '58': // system error
      return 'DATABASE_UNAVAILABLE';
    default:
      return 'DATABASE_REFUSED';
  }
}
