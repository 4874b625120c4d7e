/** Thrown by a handler: trying again is useless, bury the job. A policy's `retryOn` may still overrule it. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    marked.add(this);
  }
}

/** One for all copies of this module: an application may load millrace twice, built and from source, or in two versions. */
const shared = globalThis as { [key: symbol]: WeakSet<object> | undefined };
const marked = (shared[Symbol.for('millrace.permanent')] ??= new WeakSet());

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
  return typeof error === 'object' && error !== null && marked.has(error);
}
