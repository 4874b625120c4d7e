import type { Type } from 'avsc';
import { MillraceError } from '../errors/MillraceError.ts';

interface Target {
  readonly subject: string;
  readonly type: Type;
}

/** Says why a payload could not be encoded, naming the field. Slow, and only called when something is wrong. */
export function explainPayload(payload: unknown, { subject, type }: Target, cause?: unknown): MillraceError {
  const misfit = findMisfit(payload, type);
  if (misfit !== null) {
    return new MillraceError('BAD_PAYLOAD', { at: pathOf(subject, misfit.path), expected: misfit.expected, got: misfit.got, cause });
  }
  const brokenText = findBrokenText(payload);
  if (brokenText !== null) {
    return new MillraceError('BAD_PAYLOAD', { at: pathOf(subject, brokenText), expected: 'well-formed Unicode text', got: 'lone surrogates', fix: 'Use toWellFormed()', cause });
  }
  return new MillraceError('BAD_PAYLOAD', { at: subject, got: cause, cause });
}

function findMisfit(payload: unknown, type: Type): { path: readonly string[]; expected: string; got: unknown } | null {
  let misfit: { path: readonly string[]; expected: string; got: unknown } | null = null;
  try {
    type.isValid(payload, {
      errorHook: (path, got, expected) => {
        misfit ??= { path, expected: describeType(expected), got };
      },
    });
  } catch {
    return null; // A payload that contains itself never ends; its cause tells.
  }
  return misfit;
}

function describeType(type: Type): string {
  const text = type.name === undefined ? JSON.stringify(type.schema({ noDeref: true })) : type.name;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The path of the first text or map key with a lone surrogate; null when there is none. */
export function findBrokenText(value: unknown, path: readonly string[] = [], seen = new Set<object>()): readonly string[] | null {
  if (typeof value === 'string') return value.isWellFormed() ? null : path;
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || seen.has(value)) return null;
  seen.add(value);
  for (const [key, part] of Object.entries(value)) {
    const found = key.isWellFormed() ? findBrokenText(part, [...path, key], seen) : [...path, key.toWellFormed()];
    if (found !== null) return found;
  }
  return null;
}

function pathOf(subject: string, path: readonly string[]): string {
  return path.length === 0 ? subject : `${subject}: ${path.join('.')}`;
}
