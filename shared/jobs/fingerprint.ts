import { createHash } from 'node:crypto';

/** What differs from one occurrence of an error to the next: quoted text, UUIDs, hexadecimal words, addresses, numbers. */
const varying = /"[^"]*"|'[^']*'|`[^`]*`|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]{7,}\b|\d+(?:[.,:]\d+)*/gi;
const LONGEST_MESSAGE = 500;

/** The same for occurrences of one error, whatever ids and numbers its message holds: 16 hexadecimal digits. */
export function fingerprintOf(code: string, message: string): string {
  const shape = message.slice(0, LONGEST_MESSAGE).replaceAll(varying, '#').replaceAll(/\s+/g, ' ').trim().toLowerCase();
  return createHash('sha256').update(`${code}\n${shape}`).digest('hex').slice(0, 16);
}
