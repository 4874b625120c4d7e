/** The longest beginning of `text` that takes at most `maxBytes` as UTF-8, never half a character; lone surrogates become U+FFFD. */
export function cutUtf8(text: string, maxBytes: number): string {
  const start = text.length > maxBytes ? text.slice(0, maxBytes) : text;
  if (start.length * 3 <= maxBytes) return start.toWellFormed();
  const { read } = new TextEncoder().encodeInto(start, new Uint8Array(maxBytes));
  return start.slice(0, read).toWellFormed();
}
