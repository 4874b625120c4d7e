/** Thrown by a handler: trying again is useless, bury the job. A policy's `retryOn` may still overrule it. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
}

const marked = new WeakSet();

/**
 * Marks any error as permanent and returns it, for `throw permanent(error)`. What is no object (a thrown string) cannot be
 * marked and is wrapped in a {@link PermanentError} with the same message.
 */
export function permanent(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) {
    marked.add(error);
    return error;
  }
  return new PermanentError(String(error), { cause: error });
}

export function isPermanent(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if (marked.has(error)) return true;
  try {
    return error instanceof PermanentError;
  } catch {
    return false; // a Proxy may refuse to show its prototype
  }
}
