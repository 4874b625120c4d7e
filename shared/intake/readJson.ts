import { MillraceError } from '../errors/MillraceError.ts';

export interface JsonLimits {
  /** Objects and lists within one another. */
  readonly maxDepth: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON (RFC 8259) as a door to the world must: UTF-8 alone (a byte order mark is skipped), no deeper than the bound, and no name twice in
 * an object, where each reader would take another one for meant. @throws MillraceError BAD_JSON
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new MillraceError('BAD_JSON', { expected: 'UTF-8', got: 'bytes that are not', cause });
  }
  checkShape(text, limits.maxDepth);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MillraceError('BAD_JSON', { got: cause, cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Depth and names, in one pass that trusts nothing; whether the rest is JSON, `JSON.parse` tells. */
function checkShape(text: string, maxDepth: number): void {
  // For each open object its names; null for a list.
  const open: (Set<string> | null)[] = [];
  let atName = false;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        const start = i;
        i = endOfText(text, i);
        const names = open.at(-1);
        if (!atName || names === undefined || names === null) break;
        atName = false;
        const name = nameOf(text.slice(start, i + 1));
        if (names.has(name)) throw new MillraceError('BAD_JSON', { expected: 'each name once in an object', got: name });
        names.add(name);
        break;
      }
      case 0x7b: // {
      case 0x5b: { // [
        if (open.length >= maxDepth) throw new MillraceError('BAD_JSON', { expected: `at most ${maxDepth} objects and lists within one another`, got: 'more' });
        const isObject = text.charCodeAt(i) === 0x7b;
        open.push(isObject ? new Set() : null);
        atName = isObject;
        break;
      }
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        atName = false;
        break;
      case 0x2c: // ,
        atName = open.at(-1) instanceof Set;
        break;
    }
  }
}

/** Index of the closing quote, or of the end where there is none. */
function endOfText(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i += 1;
  }
  return text.length;
}

/** A name may be escaped: `"\u0061"` is `a`. */
function nameOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}
