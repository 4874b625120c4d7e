import { MillraceError } from '../../../shared/errors/MillraceError.ts';

/** No database holds NUL in a text, so none can be asked for it. @throws MillraceError BAD_QUERY */
export function soundText(name: string, value: string): string {
  if (value.includes('\0') || !value.isWellFormed()) throw new MillraceError('BAD_QUERY', { at: name, expected: 'well-formed text without NUL', got: value });
  return value;
}
