/** Text that a database takes: without NUL and lone surrogates, and no longer than asked. */
export function plainText(text: string, maxLength = Infinity): string {
  const cut = text.length > maxLength ? text.slice(0, maxLength) : text;
  return (cut.includes('\0') ? cut.replaceAll('\0', '\ufffd') : cut).toWellFormed();
}

/** `JSON.stringify` writes lone surrogates and NUL as escapes, which `jsonb` refuses; what is well-formed it writes as it is. */
const escapes = /\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g;

/** A value as JSON that `jsonb` takes; bytes as base64. */
export function plainJson(value: unknown): string {
  const text = JSON.stringify(value, bytesAsBase64);
  return text.includes('\\u') ? text.replaceAll(escapes, (escape) => (escape.length === 6 ? '\ufffd' : escape)) : text;
}

function bytesAsBase64(this: unknown, key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const raw = (this as Record<string, unknown>)[key];
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : value;
}
