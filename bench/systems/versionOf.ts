import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Name and version of an installed package. */
export function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json'), 'utf8')) as { version: string };
  return `${name} ${version}`;
}
