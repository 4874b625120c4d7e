import { createHash } from 'node:crypto';

/** The same for two JSON values that say the same: in what order the fields of their objects were written is no matter. */
export function digestOf(json: unknown): string {
  return createHash('sha256').update(JSON.stringify(json, sortFields)).digest('base64url');
}

function sortFields(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
