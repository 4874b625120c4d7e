/** What a pause stops: a whole queue, the jobs of one kind, or those of one entity. */
export type Scope = { readonly type: 'queue' } | { readonly type: 'kind'; readonly kind: string } | { readonly type: 'key'; readonly key: Buffer };

/** Longer keys cannot be paused: a scope is part of record keys. */
export const MAX_SCOPE_BYTES = 1024;

/** As commands and marks say it: `queue`, `kind:<kind>`, `key:<key>`; `key-hex:<bytes>` where the key is no text. One scope, one text. */
export function formatScope(scope: Scope): string {
  switch (scope.type) {
    case 'queue':
      return 'queue';
    case 'kind':
      return `kind:${scope.kind}`;
    case 'key': {
      const text = scope.key.toString();
      return Buffer.from(text).equals(scope.key) ? `key:${text}` : `key-hex:${scope.key.toString('hex')}`;
    }
  }
}

/** Reads {@link formatScope}'s text; null for anything else. */
export function parseScope(text: string): Scope | null {
  if (Buffer.byteLength(text) > 2 * MAX_SCOPE_BYTES + 16) return null;
  if (text === 'queue') return { type: 'queue' };
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  switch (colon < 0 ? '' : text.slice(0, colon)) {
    case 'kind':
      return { type: 'kind', kind: rest };
    case 'key':
      return { type: 'key', key: Buffer.from(rest) };
    case 'key-hex':
      return /^([0-9a-f]{2})+$/.test(rest) ? { type: 'key', key: Buffer.from(rest, 'hex') } : null;
    default:
      return null;
  }
}
