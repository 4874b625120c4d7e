import { MillraceError } from '../../../shared/errors/MillraceError.ts';

/** A whole number of an option; `min` and `max` are allowed. For commander's `argParser`. @throws MillraceError BAD_USAGE */
export function readWhole(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw new MillraceError('BAD_USAGE', { at: option, expected: `a whole number from ${min} to ${max}`, got: text });
  };
}

/** A positive number, such as a rate. @throws MillraceError BAD_USAGE */
export function readPositive(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
    throw new MillraceError('BAD_USAGE', { at: option, expected: 'a positive number', got: text });
  };
}

/** Collects the values of an option that may come several times. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
