/** A constructor of errors, whatever its parameters are. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Picks errors: by class (`instanceof`), by `code` (a string, compared as a whole), or by a predicate. */
export type ErrorMatcher = ErrorClass | string | ((error: unknown) => boolean);

/** True for what may stand in `retryOn` and `buryOn`. */
export function isErrorMatcher(value: unknown): value is ErrorMatcher {
  return (typeof value === 'string' && value !== '') || typeof value === 'function';
}

/** Whether one of the matchers picks the error. Never throws: a predicate that throws picks nothing. */
export function matchesError(matchers: readonly ErrorMatcher[], error: unknown): boolean {
  return matchers.some((matcher) => {
    try {
      if (typeof matcher === 'string') return typeof error === 'object' && error !== null && 'code' in error && error.code === matcher;
      return isErrorClass(matcher) ? error instanceof matcher : matcher(error);
    } catch {
      return false;
    }
  });
}

/** True for a class of errors, false for a predicate. */
export function isErrorClass(matcher: ErrorClass | ((error: unknown) => boolean)): matcher is ErrorClass {
  return matcher === Error || matcher.prototype instanceof Error;
}
