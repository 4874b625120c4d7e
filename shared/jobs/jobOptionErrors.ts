import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/** @throws MillraceError BAD_JOB_DEFINITION, always */
export function refuseOption(at: string, expected: string, got: unknown, fix?: string): never {
  throw new MillraceError('BAD_JOB_DEFINITION', { at, expected, got, ...(fix === undefined ? {} : { fix }) });
}

/** Refuses what is no object, and the first property that is not among `known`. `path` is the object's own place, '' for the top. */
export function refuseUnknownOptions(path: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) refuseOption(path, `an object with ${known.join(', ')}`, options);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = didYouMean(name, known);
    const place = path === '' ? name : `${path}.${name}`;
    refuseOption(place, `one of ${known.join(', ')}`, name, meant === null ? 'Leave it out' : `Did you mean ${meant}?`);
  }
}
