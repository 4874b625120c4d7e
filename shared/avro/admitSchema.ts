import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/** Deeper or larger schemas are refused before avsc sees them. */
const MAX_DEPTH = 64;
const MAX_NODES = 20_000;

/** What decoding needs. Defaults above all stay out: a writer's are never read, and copying nested ones can take for ever. */
const KEPT = ['type', 'name', 'namespace', 'size', 'symbols', 'fields', 'items', 'values'] as const;

/**
 * Reduces a foreign writer schema to what decoding needs, within bounds of depth and size.
 * @throws MillraceError SCHEMA_INVALID for text that is no JSON, for one too deep or too large, and for a field `__proto__`.
 */
export function admitSchema(text: string): AvroSchema {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    // The oldest registries hand out primitive types without their quotes.
    if (/^[a-z]+$/.test(text)) return text;
    throw new MillraceError('SCHEMA_INVALID', { expected: 'JSON', got: text, cause });
  }
  let nodes = 0;
  const admit = (node: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) throw new MillraceError('SCHEMA_INVALID', { expected: `at most ${String(MAX_DEPTH)} levels of JSON` });
    if (++nodes > MAX_NODES) throw new MillraceError('SCHEMA_INVALID', { expected: `at most ${String(MAX_NODES)} parts` });
    if (Array.isArray(node)) return node.map((part) => admit(part, depth + 1));
    if (typeof node !== 'object' || node === null) return node;
    const kept: Record<string, unknown> = {};
    for (const name of KEPT) {
      const value = Object.hasOwn(node, name) ? (node as Record<string, unknown>)[name] : undefined;
      if (value !== undefined) kept[name] = admit(value, depth + 1);
    }
    if (kept['name'] === '__proto__') throw new MillraceError('SCHEMA_INVALID', { expected: 'another name', got: '__proto__' });
    return kept;
  };
  return admit(parsed, 0) as AvroSchema;
}
