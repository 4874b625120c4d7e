import { MillraceError } from '../../errors/MillraceError.ts';
import type { Handle } from '../../jobs/jobDefinition.ts';

/** The `handle` that a module exports. @throws MillraceError BAD_JOB_DEFINITION where it exports none; what the module itself throws */
export async function loadHandler(url: string): Promise<Handle<unknown>> {
  const module = (await import(url)) as Readonly<Record<string, unknown>>;
  const { handle } = module;
  if (typeof handle !== 'function') {
    throw new MillraceError('BAD_JOB_DEFINITION', { at: url, expected: 'a module that exports a function handle(payload, ctx)', got: Object.keys(module).join(', ') || 'no exports' });
  }
  return handle as Handle<unknown>;
}
