import type { ErrorPolicy } from './classifyError.ts';
import { isErrorClass } from './errorMatcher.ts';
import type { Isolation } from './jobDefinition.ts';
import { refuseOption, refuseUnknownOptions } from './jobOptionErrors.ts';
import type { IsolatedOptions } from './jobOptions.ts';
import type { JobPolicy } from './policy.ts';

/** A bare Node process takes about 60. */
const MIN_MEMORY_MIB = 128;
const MAX_MEMORY_MIB = 1_048_576;
const DEFAULT_MEMORY_MIB = 512;
const MIB = 1024 * 1024;

/** Reads `isolated`; null where the kind is not. @throws MillraceError BAD_JOB_DEFINITION */
export function compileIsolation(at: (field: string) => string, given: IsolatedOptions | undefined, { delivery }: JobPolicy, errors: ErrorPolicy): Isolation | null {
  if (given === undefined) return null;
  refuseUnknownOptions(at('isolated'), given, ['handler', 'maxMemoryMiB']);
  const { handler, maxMemoryMiB = DEFAULT_MEMORY_MIB } = given as { handler: unknown; maxMemoryMiB?: number };
  if (!(handler instanceof URL)) {
    refuseOption(at('isolated.handler'), 'the URL of a module that exports handle(payload, ctx)', handler, "For instance: new URL('./render.ts', import.meta.url)");
  }
  if (!Number.isInteger(maxMemoryMiB) || maxMemoryMiB < MIN_MEMORY_MIB || maxMemoryMiB > MAX_MEMORY_MIB) {
    refuseOption(at('isolated.maxMemoryMiB'), `a whole number from ${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB}`, maxMemoryMiB);
  }
  if (delivery === 'at-most-once') {
    // Claimed jobs that wait for a sandbox would be lost with the worker, many at once.
    refuseOption(at('delivery'), '"at-least-once", because the kind is isolated', delivery);
  }
  for (const list of ['retryOn', 'buryOn'] as const) {
    const byClass = errors[list].find((matcher) => typeof matcher !== 'string' && isErrorClass(matcher));
    // An error arrives from the other process with its name, code and message, but it is not of the class that this process knows.
    if (byClass !== undefined) refuseOption(at(list), 'error codes or predicates, because the kind is isolated', byClass, 'Errors of another process have no class here: compare code or name');
  }
  return Object.freeze({ handler: handler.href, maxMemoryBytes: maxMemoryMiB * MIB });
}
